import type { Endpoint } from "../endpoint.ts";

/** One directory to be copied with everything below it. */
export interface DirectoryRequest {
  readonly direction: "upload" | "download";
  readonly localPath: string;
  /** On the host or in a container. */
  readonly remote: Exclude<Endpoint, { readonly kind: "local" }>;
  /** gitignore patterns of what neither is copied nor deleted. */
  readonly exclude: readonly string[];
  /** Replaces existing files that differ. */
  readonly overwrite: boolean;
  /** The number of files that a dry run reported as `deleted`; without it nothing is deleted. */
  readonly deleteCount?: number;
  /** Changes nothing and only counts. */
  readonly dryRun: boolean;
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** What is not at the destination, and why. */
export interface DirectoryFailure {
  /** Relative to the directory. */
  readonly path: string;
  readonly reason: string;
}

/** The result of copying a directory. Counts are of files and links. */
export interface DirectoryOutcome {
  /** Copied, or to be copied in a dry run. */
  readonly sent: number;
  /** Equal before. */
  readonly unchanged: number;
  readonly deleted: number;
  /** The first 20. */
  readonly failed: readonly DirectoryFailure[];
  readonly failedCount: number;
  /** Bytes of the sent files. */
  readonly bytes: number;
  readonly durationMs: number;
  readonly warnings: readonly string[];
}

/** The progress of a directory. */
export interface DirectoryProgress {
  readonly files: number;
  readonly totalFiles: number;
  readonly bytes: number;
  readonly totalBytes: number;
}

/** The calls about directories that the ssh worker answers. */
export interface SshDirectoriesPort {
  /** Makes a directory equal to its source. Every failure is a RemoteExecError. */
  copyDirectory(
    request: DirectoryRequest,
    signal: AbortSignal,
    progress?: (step: DirectoryProgress) => void,
  ): Promise<DirectoryOutcome>;
}

import type { CopyOutcome, Endpoint, FileFacts } from "./port.ts";

/** Limits for listing one directory tree. */
export interface TreeLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** One entry of a tree. `path` is relative to the tree's root and uses `/`. */
export interface TreeEntry {
  readonly path: string;
  /** Links and special files are only listed, never followed or read. */
  readonly kind: "file" | "directory" | "link" | "other";
  readonly size: number;
  readonly mtimeMs: number;
  /** Permission bits. */
  readonly mode: number;
}

/** A part of a file, in bytes. `end` is exclusive; it defaults to the end of the file. */
export interface ByteRange {
  readonly start: number;
  readonly end?: number;
}

/** An opened file: its attributes when it was opened, and its content at the reader's pace. */
export interface OpenedFile {
  readonly facts: FileFacts;
  readonly stream: ReadableStream<Uint8Array>;
}

/** A file to be written from a stream. */
export interface WriteRequest {
  readonly to: Endpoint;
  readonly maxBytes: number;
  readonly overwrite: boolean;
  readonly mode?: number;
  /** Expected content: the file is discarded if size or hash differ. */
  readonly size?: number;
  readonly sha256?: string;
}

/**
 * What the ssh worker offers to other workers over a MessagePort. File content goes from worker to
 * worker and never through the main isolate. Every endpoint that the ssh worker can reach is valid.
 * Every failure is a RemoteExecError.
 */
export interface FilesPort {
  /** Returns what is at a path; links are followed. */
  stat(endpoint: Endpoint, signal: AbortSignal): Promise<FileFacts>;
  /**
   * Lists everything below a directory, parents before children.
   *
   * @throws RemoteExecError `too_large` beyond `maxEntries` or `maxBytes`
   */
  tree(
    endpoint: Endpoint,
    limits: TreeLimits,
    signal: AbortSignal,
  ): Promise<TreeEntry[]>;
  /** Opens a regular file. Canceling the stream closes the file; a read error errors the stream. */
  read(
    endpoint: Endpoint,
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): Promise<OpenedFile>;
  /** Returns all files of a tree as one tar stream, for endpoints where opening a file is slow. */
  readTree(endpoint: Endpoint, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** Returns the lower-case hex sha256 of a file, computed on its own machine if possible. */
  sha256(endpoint: Endpoint, signal: AbortSignal): Promise<string>;
  /** The same, but only as the host computes it: undefined where it cannot, and for files elsewhere. */
  hostSha256(endpoint: Endpoint, signal: AbortSignal): Promise<string | undefined>;
  /** Writes a file under a temporary name, verifies it, and renames it. */
  write(
    request: WriteRequest,
    stream: ReadableStream<Uint8Array>,
    signal: AbortSignal,
  ): Promise<CopyOutcome>;
}

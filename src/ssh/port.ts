import type { FilesConfig, Limits, SshConfig } from "../config/config.ts";
import type { LogLevel } from "../log.ts";

/** What the ssh worker needs to know; sent once, before any other call. */
export interface SshSettings {
  readonly ssh: SshConfig;
  readonly limits: Limits;
  readonly files: FilesConfig;
  readonly logLevel: LogLevel;
  readonly secrets: readonly string[];
}

export interface ExecRequest {
  readonly command: string;
  /** Covers connecting, opening the channel and running. */
  readonly timeoutMs: number;
  /** Text for the command's stdin; without it stdin is at its end at once. */
  readonly stdin?: string;
  /** Unicode code points of stdout and stderr together; the configured limit when left out. */
  readonly characterLimit?: number;
  /**
   * For a command that must not be killed, as it has to tidy up: on a timeout or cancellation it is told
   * to stop and its end is awaited for so long. It has no stdin.
   */
  readonly graceMs?: number;
}

/** One stream of a command, cut to its share of the limit. */
export interface CapturedText {
  readonly text: string;
  readonly truncated: boolean;
  /** Unicode code points that the command wrote. */
  readonly originalLength: number;
}

/** What became of a command. */
export interface ExecOutcome {
  /** How it ended; the first four leave `exitCode` null. */
  readonly ending: "timeout" | "cancelled" | "connection_lost" | "signal" | "exit";
  readonly exitCode: number | null;
  /** Without `SIG`, like `KILL`. */
  readonly signal: string | null;
  readonly stdout: CapturedText;
  readonly stderr: CapturedText;
  readonly durationMs: number;
  /** The command ended by itself, or its end on the host was confirmed. */
  readonly processEnded: boolean;
}

/** How far a command has come. */
export interface ExecProgress {
  readonly bytes: number;
  /** The last lines of its output. */
  readonly tail: string;
}

/** One end of a transfer. */
export type Endpoint =
  /** A file on this machine, under the configured directories. */
  | { readonly kind: "local"; readonly path: string }
  /** A file on the SSH host, over SFTP. */
  | { readonly kind: "host"; readonly path: string }
  /** A file behind a command of the host, such as `pct exec 101 --`; `prefix` is ready for the shell. */
  | {
    readonly kind: "shell";
    readonly prefix: string;
    readonly path: string;
    readonly label: string;
  };

export interface CopyRequest {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly maxBytes: number;
  readonly overwrite: boolean;
  /** Mode bits for the new file, like 0o644. */
  readonly mode?: number;
  /** Required content, when it is known before. */
  readonly sha256?: string;
}

/** How the content at the destination was proven equal to the source. */
export type Verification = "sha256" | "size";

export interface CopyOutcome {
  readonly bytes: number;
  /** Lower-case hex of the content that was moved. */
  readonly sha256: string;
  readonly verified: Verification;
  readonly durationMs: number;
  /** Where the file is now, links followed. */
  readonly path: string;
}

/** How far a transfer has come. `total` is not known for a file like those in /proc. */
export interface CopyProgress {
  readonly bytes: number;
  readonly total?: number;
}

/** What stands at a path of the host, or inside a container. Links are followed. */
export interface FileFacts {
  readonly kind: "file" | "directory" | "other";
  readonly size: number;
  readonly mtimeMs: number;
  /** Permission bits. */
  readonly mode: number;
  /** The path without links, when the host tells it. */
  readonly path: string;
}

/** What `doctor` found, one line a step. */
export interface Check {
  readonly step: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly remedy?: string;
}

/** What a worker may ask for. */
export interface FilesGrant {
  readonly kinds: readonly Endpoint["kind"][];
  readonly write: boolean;
  /** The one command that may stand before a shell end, with `#` for a number in it. */
  readonly shellPrefix?: string | undefined;
}

/** What the ssh worker promises. Functions only; every failure is a RemoteExecError. */
export interface SshPort {
  configure(settings: SshSettings): Promise<void>;
  exec(
    request: ExecRequest,
    signal: AbortSignal,
    progress?: (step: ExecProgress) => void,
  ): Promise<ExecOutcome>;
  copy(
    request: CopyRequest,
    signal: AbortSignal,
    progress?: (step: CopyProgress) => void,
  ): Promise<CopyOutcome>;
  stat(endpoint: Endpoint, signal: AbortSignal): Promise<FileFacts>;
  /** Offers files to another worker; `port` answers as a FilesPort. */
  serveFiles(port: MessagePort, grant: FilesGrant): Promise<void>;
  diagnose(): Promise<Check[]>;
  /** Stops everything that runs on the host; gives up after `limitMs`. */
  close(limitMs: number): Promise<void>;
}

import type { FilesConfig, JobsConfig, Limits, SshConfig } from "../config/config.ts";
import type { LogLevel } from "../log.ts";
import type { HostMemory } from "./host_memory.ts";
import type { JobPage, JobRead, SshJobsPort } from "./jobs/port.ts";
import type { Endpoint } from "./endpoint.ts";
import type { SshDirectoriesPort } from "./directories/port.ts";

export type { Endpoint } from "./endpoint.ts";

/** The settings of the ssh worker; sent once, before any other call. */
export interface SshSettings {
  readonly ssh: SshConfig;
  readonly limits: Limits;
  readonly files: FilesConfig;
  readonly jobs?: JobSettings;
  readonly logLevel: LogLevel;
  readonly secrets: readonly string[];
  /** Of an earlier worker of the same host. */
  readonly memory?: HostMemory;
}

/** Limits of the jobs on the host. */
export interface JobSettings extends Pick<JobsConfig, "maxOutputBytes" | "keepMs"> {
  /** Whether old jobs are removed from the host; false when the server may change nothing there. */
  readonly sweeps: boolean;
}

/** One command to run on the host. */
export interface ExecRequest {
  readonly command: string;
  /** Includes connecting and opening the channel. */
  readonly timeoutMs: number;
  /** Text for the command's stdin; empty by default. */
  readonly stdin?: string;
  /** Runs it as root through sudo, in root's login shell. */
  readonly sudo?: boolean | undefined;
  /** Max Unicode code points of stdout and stderr together; default: the configured limit. */
  readonly characterLimit?: number;
  /**
   * For a command that must clean up and therefore must not be killed: on timeout or cancellation it
   * gets TERM only, and has this long to end. Such a command has no stdin.
   */
  readonly graceMs?: number;
  /**
   * The command begins with `PRINT_START_MARK`: the output of the login shell's start-up files, which
   * comes before the mark on stdout, is removed. Without the mark the command did not run at all.
   */
  readonly hasStartMark?: boolean;
  /**
   * If the command still runs this long after the call, it goes on as a job and the outcome is `running`.
   * Not for commands with stdin. Ignored where the host allows no jobs.
   */
  readonly answerWithinMs?: number;
  /** The command as its caller wrote it, for the list of jobs; default: `command`. */
  readonly shown?: string;
  /** The container or VM in which it runs, for the list of jobs. */
  readonly ctid?: number;
  readonly vmid?: number;
  /** See {@linkcode JobRequest.stderrMark}. The stderr of an outcome still has it. */
  readonly stderrMark?: string;
  /** The beginning of the uncut output is kept for {@linkcode SshPort.readKept} if the answer lacks some of it. */
  readonly keepsOutput?: boolean;
}

/** One stream of a command, cut to its share of the limit. */
export interface CapturedText {
  readonly text: string;
  readonly truncated: boolean;
  /** Unicode code points that the command wrote, the cut part included. */
  readonly originalLength: number;
}

/** The result of a command. */
export interface ExecOutcome {
  /**
   * How the command ended; `exitCode` is null for all but `exit`. `no_status`: the host ended the command
   * without saying how. `running`: it goes on as the job `jobId`.
   */
  readonly ending:
    | "timeout"
    | "cancelled"
    | "connection_lost"
    | "signal"
    | "exit"
    | "no_status"
    | "running";
  /** With `connection_lost`: the job may have gone on. */
  readonly jobId?: string;
  /** With `running`: when the host stops the job, counted from its start. */
  readonly maxRuntimeMs?: number;
  readonly exitCode: number | null;
  /** Name without `SIG`, such as `KILL`. */
  readonly signal: string | null;
  readonly stdout: CapturedText;
  readonly stderr: CapturedText;
  readonly durationMs: number;
  /** True if the command ended by itself or its end on the host was confirmed. */
  readonly processEnded: boolean;
  /** Bytes of each stream so far, the offsets at which reading the job goes on; only with `jobId`. */
  readonly stdoutBytes?: number;
  readonly stderrBytes?: number;
  /** The ID for {@linkcode SshPort.readKept}, if the output was cut and is kept. */
  readonly outputId?: string;
}

/** The progress of a command. */
export interface ExecProgress {
  readonly bytes: number;
  /** The last lines of its output. */
  readonly tail: string;
}

/** One file to be copied. */
export interface CopyRequest {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly maxBytes: number;
  readonly overwrite: boolean;
  /** Permission bits of the new file, such as 0o644. */
  readonly mode?: number;
  /** Expected lower-case hex hash of the content, if it is known beforehand. */
  readonly sha256?: string;
}

/** How the content at the destination was proven equal to the source. */
export type Verification = "sha256" | "size";

/** The result of a copy. */
export interface CopyOutcome {
  readonly bytes: number;
  /** Lower-case hex hash of the copied content. */
  readonly sha256: string;
  readonly verified: Verification;
  readonly durationMs: number;
  /** Path of the new file, links followed. */
  readonly path: string;
  /** The mode of the new file, if the host did not set the one it should have. */
  readonly keptMode?: number;
}

/** The progress of a transfer. `total` is unknown for files such as those in /proc. */
export interface CopyProgress {
  readonly bytes: number;
  readonly total?: number;
}

/** What is at a path. Links are followed. */
export interface FileFacts {
  readonly kind: "file" | "directory" | "other";
  readonly size: number;
  readonly mtimeMs: number;
  /** Permission bits. */
  readonly mode: number;
  /** The path with links resolved, if the host reports it; otherwise the requested path. */
  readonly path: string;
}

/** The result of one step of `doctor`. */
export interface Check {
  readonly step: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly remedy?: string;
}

/** What another worker may do through a FilesPort. */
export interface FilesGrant {
  readonly kinds: readonly Endpoint["kind"][];
  readonly write: boolean;
  /** The only permitted `prefix` of a shell endpoint; `<number>` stands for 1 to 9 digits. */
  readonly shellPrefix?: string | undefined;
}

/** The calls that the ssh worker answers. Every failure is a RemoteExecError. */
export interface SshPort extends SshJobsPort, SshDirectoriesPort {
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
  /** Reads the uncut output of a finished command. */
  readKept(read: JobRead): Promise<JobPage>;
  /** Offers files to another worker: `port` then answers as a FilesPort, within the grant. */
  serveFiles(port: MessagePort, grant: FilesGrant): Promise<void>;
  diagnose(): Promise<Check[]>;
  /** Stops everything that this worker runs on the host; takes at most `limitMs`. */
  close(limitMs: number): Promise<void>;
}

/** The streams of a job. */
export type StreamName = "stdout" | "stderr";

/** A command that continues on the host whatever happens to the connection. */
export interface JobRequest {
  /** The command line for the login shell. */
  readonly command: string;
  /** The command as its caller wrote it, for lists. */
  readonly shown: string;
  readonly name?: string;
  /** The container or VM in which it runs. */
  readonly ctid?: number;
  readonly vmid?: number;
  readonly maxRuntimeMs: number;
  /** As in an ExecRequest. */
  readonly hasStartMark?: boolean;
  /**
   * A line that the command prints to stderr. Everything up to its end is not part of the job's stderr, as
   * everything up to the start mark is not part of its stdout.
   */
  readonly stderrMark?: string;
  /** As in an ExecRequest. */
  readonly graceMs?: number;
  readonly sudo?: boolean | undefined;
}

/** `lost`: all processes are gone and left no exit status, for example after a restart of the host. */
export type JobState = "running" | "exited" | "stopped" | "timed_out" | "lost";

/** What is known about a job. */
export interface JobFacts {
  readonly id: string;
  readonly name?: string;
  /** As its caller wrote it. */
  readonly command: string;
  readonly ctid?: number;
  readonly vmid?: number;
  readonly state: JobState;
  readonly startedAtMs: number;
  readonly runtimeMs: number;
  readonly exitCode: number | null;
  /** Name without `SIG`. */
  readonly signal: string | null;
  /** Bytes that are stored. */
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  /** Bytes of both streams over the limit, which were not stored. */
  readonly droppedBytes: number;
  readonly maxRuntimeMs: number;
}

/** Which part of a job's output to read. */
export interface JobRead {
  readonly id: string;
  readonly stream: StreamName;
  /** Byte offset in the stream. */
  readonly from: number;
  readonly maxBytes: number;
  /** Only the last lines. */
  readonly tailLines?: number;
  /** Only lines that match this POSIX basic regular expression: at most 1,000, with `tailLines` the last. */
  readonly grep?: string;
  /** How long to wait for new output or the end. */
  readonly waitMs: number;
}

/** A part of a job's output. It ends anywhere, also inside a character. */
export interface JobPage {
  readonly bytes: Uint8Array;
  /** The offset at which the following page begins. */
  readonly next: number;
  readonly facts: JobFacts;
}

/** A job that has been started, with its first output. */
export interface StartedJob {
  readonly facts: JobFacts;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** The calls about jobs on the host, part of the SshPort. Every failure is a RemoteExecError. */
export interface SshJobsPort {
  startJob(request: JobRequest, signal: AbortSignal): Promise<StartedJob>;
  readJob(read: JobRead, signal: AbortSignal): Promise<JobPage>;
  listJobs(signal: AbortSignal): Promise<JobFacts[]>;
  stopJob(id: string, signal: AbortSignal): Promise<StoppedJob>;
}

/** A job after a request to stop it. */
export interface StoppedJob {
  readonly facts: JobFacts;
  /** All its processes are gone. */
  readonly processEnded: boolean;
}

/** The exit code of the host's part of a VM's command that was stopped while the command may still run. */
export const NOT_STOPPED = 254;

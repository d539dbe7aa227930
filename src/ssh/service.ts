import { cancelled, RemoteExecError } from "../errors.ts";
import type { Limits } from "../config/config.ts";
import type { ToolContext } from "../mcp/tool.ts";
import { bytesMoved, mapProgress } from "../mcp/progress.ts";
import { inTime } from "../rpc/in_time.ts";
import type {
  CopyOutcome,
  Endpoint,
  ExecOutcome,
  ExecProgress,
  ExecRequest,
  FileFacts,
  SshPort,
} from "./port.ts";

/** One call of {@linkcode SshService.exec}. */
export type ExecCall = ExecRequest & ToolContext;

/** One call of {@linkcode SshService.copy}. */
export interface CopyCall extends ToolContext {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly overwrite: boolean;
  readonly mode?: number;
  readonly maxBytes?: number;
}

/** Whether callers can read on where an answer ends; only with a tool that reads jobs. */
export interface ReadingOn {
  /** After this long a running command's call answers, and the command goes on as a job; 0: never. */
  readonly answerWithinMs: number;
  /** The uncut output is kept for a while. */
  readonly keepsOutput: boolean;
}

const NOT_READ: ReadingOn = { answerWithinMs: 0, keepsOutput: false };

/** Runs commands and copies files on the SSH host. */
export class SshService {
  readonly #port: SshPort;
  readonly #limits: Limits;
  readonly #readingOn: ReadingOn;
  /** What a request for a program that only root may run has in addition. */
  readonly rootOnly: { readonly sudo?: true };

  /** @param needsSudo the login is not root, and sudo is configured */
  constructor(
    port: SshPort,
    limits: Limits,
    readingOn: ReadingOn = NOT_READ,
    { needsSudo = false }: { readonly needsSudo?: boolean } = {},
  ) {
    this.rootOnly = needsSudo ? { sudo: true } : {};
    this.#port = port;
    this.#limits = limits;
    this.#readingOn = readingOn;
  }

  /** After this long a running command's call answers; 0: never. */
  get answerWithinMs(): number {
    return this.#readingOn.answerWithinMs;
  }

  /** Returns the part of a request for a command that answers in time and whose complete output can be read. */
  readOn(
    timeoutMs: number,
    job: Pick<ExecRequest, "shown" | "ctid" | "vmid">,
  ): Pick<ExecRequest, "answerWithinMs" | "keepsOutput" | "shown" | "ctid" | "vmid"> {
    const { answerWithinMs, keepsOutput } = this.#readingOn;
    // A shorter command takes the direct path, which costs less.
    const isLong = answerWithinMs > 0 && timeoutMs > answerWithinMs;
    return { ...job, keepsOutput, ...(isLong ? { answerWithinMs } : {}) };
  }

  /**
   * Runs a command. Timeout, cancellation and a lost connection are outcomes too, with the output so
   * far; {@linkcode endingError} returns the error for them.
   *
   * @throws RemoteExecError if the host did not confirm the start of the command
   */
  async exec({ signal, progress, ...request }: ExecCall): Promise<ExecOutcome> {
    const { timeoutMs, graceMs } = request;
    const report = commandProgress(progress);
    return await inTime(signal, timeoutMs, this.#port.exec(request, signal, report), graceMs);
  }

  /** Copies one file. @throws RemoteExecError; the destination then has its old content or does not exist */
  async copy(
    { from, to, overwrite, mode, maxBytes, signal, progress }: CopyCall,
  ): Promise<CopyOutcome> {
    const request = {
      from,
      to,
      overwrite,
      maxBytes: maxBytes ?? this.#limits.maxFileBytes,
      ...(mode === undefined ? {} : { mode }),
    };
    const report = mapProgress(progress, bytesMoved);
    return await inTime(signal, undefined, this.#port.copy(request, signal, report));
  }

  /** Returns what is at a path. The worker limits the wait for a host that does not respond. */
  async stat(endpoint: Endpoint, signal: AbortSignal): Promise<FileFacts> {
    return await inTime(signal, undefined, this.#port.stat(endpoint, signal));
  }
}

/** Returns a callback for the steps of a command. */
export function commandProgress(
  progress: ToolContext["progress"],
): ((step: ExecProgress) => void) | undefined {
  const startedAt = performance.now();
  return mapProgress(progress, ({ bytes, tail }: ExecProgress) => ({
    // Seconds, because MCP requires progress to increase and a silent command writes no bytes.
    progress: Math.round(performance.now() - startedAt) / 1000,
    message: `${bytes} bytes of output${tail === "" ? "" : `\n${tail}`}`,
  }));
}

/** Returns the error for an ending, or undefined. A non-zero exit code is not an error. */
export function endingError(outcome: ExecOutcome, timeoutMs: number): RemoteExecError | undefined {
  const fate = outcome.processEnded ? "it was stopped on the host" : "it may still run on the host";
  switch (outcome.ending) {
    case "timeout":
      return new RemoteExecError(
        "timeout",
        `Command execution timed out after ${timeoutMs / 1000} seconds; ${fate}`,
        "Raise the timeout (max 300), or run the command as a job",
      );
    case "cancelled":
      return new RemoteExecError(
        "cancelled",
        `${cancelled().message}; ${fate}`,
        cancelled().suggestion,
      );
    case "connection_lost":
      return new RemoteExecError(
        "connection_lost",
        "The SSH connection was lost while the command ran; its result is unknown",
        outcome.jobId === undefined
          ? "Check on the host what the command has done before you run it again"
          : `It may go on as job ${outcome.jobId}: read it with ssh_job_output before you run it again`,
      );
    default:
      return undefined;
  }
}

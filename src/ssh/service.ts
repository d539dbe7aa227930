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
  FileFacts,
  SshPort,
} from "./port.ts";

/** A command and what it may cost. */
export interface ExecCall extends ToolContext {
  readonly command: string;
  readonly timeoutMs: number;
  readonly stdin?: string;
  /** Code points of the output to keep; the configured limit when left out. */
  readonly characterLimit?: number;
  /** As in an {@linkcode ExecRequest}. */
  readonly graceMs?: number;
}

/** A transfer between two ends. */
export interface CopyCall extends ToolContext {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly overwrite: boolean;
  readonly mode?: number;
  readonly maxBytes?: number;
}

/** The rules of commands and file transfers on the SSH host. */
export class SshService {
  readonly #port: SshPort;
  readonly #limits: Limits;

  constructor(port: SshPort, limits: Limits) {
    this.#port = port;
    this.#limits = limits;
  }

  /**
   * Runs a command. Every ending is an outcome; see {@linkcode endingError} for those that are errors.
   *
   * @throws RemoteExecError when the start of the command was not confirmed
   */
  async exec(
    { command, timeoutMs, stdin, characterLimit, graceMs, signal, progress }: ExecCall,
  ): Promise<ExecOutcome> {
    const request = {
      command,
      timeoutMs,
      ...(stdin === undefined ? {} : { stdin }),
      ...(characterLimit === undefined ? {} : { characterLimit }),
      ...(graceMs === undefined ? {} : { graceMs }),
    };
    const startedAt = performance.now();
    const report = mapProgress(progress, ({ bytes, tail }: ExecProgress) => ({
      // Seconds: progress has to grow, and the output of a command that is silent does not.
      progress: Math.round(performance.now() - startedAt) / 1000,
      message: `${bytes} bytes of output${tail === "" ? "" : `\n${tail}`}`,
    }));
    return await inTime(signal, timeoutMs, this.#port.exec(request, signal, report), graceMs);
  }

  /** Moves one file. @throws RemoteExecError; nothing half-written then bears the destination's name */
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

  /** What stands at a path. The other side gives up on a host that says nothing. */
  async stat(endpoint: Endpoint, signal: AbortSignal): Promise<FileFacts> {
    return await inTime(signal, undefined, this.#port.stat(endpoint, signal));
  }
}

/** The error that an ending is, if it is one. A non-zero exit code is a result. */
export function endingError(outcome: ExecOutcome, timeoutMs: number): RemoteExecError | undefined {
  const fate = outcome.processEnded ? "it was stopped on the host" : "it may still run on the host";
  switch (outcome.ending) {
    case "timeout":
      return new RemoteExecError(
        "timeout",
        `Command execution timed out after ${timeoutMs / 1000} seconds; ${fate}`,
        "Raise the timeout (300 at most), or run it in the background with its output in a file",
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
        "The SSH connection was lost while the command ran; how it ended is not known",
        "Check on the host what it has done before running it again",
      );
    default:
      return undefined;
  }
}

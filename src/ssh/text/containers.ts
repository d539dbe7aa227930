import type { ExecOutcome, ExecRequest } from "../port.ts";
import type { RemoteEndpoint } from "./port.ts";

/** A command for a container, and how to read its outcome. */
export interface ContainerCommand {
  readonly request: ExecRequest;
  outcome(outcome: ExecOutcome): ExecOutcome;
}

/** What the text tools need for files in containers. */
export interface Containers {
  endpoint(ctid: number, path: string): RemoteEndpoint;
  /** Returns the reason of a failed call if it is the container; otherwise the error unchanged. */
  problem(ctid: number, error: unknown, signal: AbortSignal): Promise<unknown>;
  command(ctid: number, command: string, timeoutMs: number): ContainerCommand;
}

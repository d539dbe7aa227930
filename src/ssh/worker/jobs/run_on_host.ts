import type { ExecOutcome, ExecRequest, SshSettings } from "../../port.ts";
import { type ExecContext, runCommand } from "../commands/exec.ts";
import type { ConnectionPool, SessionWait } from "../connection/pool.ts";
import type { HostLogin } from "../login.ts";
import { mayGoOn, runAttended } from "./attended_exec.ts";
import { JobNotStarted } from "./errors.ts";
import { DEFAULT_SETTINGS } from "./job_start.ts";

/** What {@linkcode runOnHost} needs. */
export interface HostContext extends Omit<ExecContext, "signal" | "isOwn"> {
  readonly pool: ConnectionPool;
  readonly login: HostLogin;
  readonly settings: SshSettings;
  /** Aborted when this server ends. */
  readonly closing: AbortSignal;
}

/**
 * Runs one command: as an attended job if it may go on after the answer and the host allows and can start
 * jobs, otherwise directly.
 *
 * @throws RemoteExecError if the host did not confirm the start, or if the start mark is missing
 */
export async function runOnHost(
  request: ExecRequest,
  wait: SessionWait,
  { pool, login, settings, ...more }: HostContext,
): Promise<ExecOutcome> {
  const startedAt = performance.now();
  const characterLimit = request.characterLimit ?? settings.limits.characterLimit;
  const context = { ...more, signal: wait.signal };
  if (mayGoOn(request) && await login.isFree(wait)) {
    try {
      return await runAttended(request, {
        ...{ ...context, characterLimit, startedAt },
        settings: settings.jobs ?? DEFAULT_SETTINGS,
        start: (line, untilThen) => pool.start(line, untilThen),
        silence: (limitMs) => pool.silence(limitMs),
      });
    } catch (error) {
      // A host that cannot keep jobs may still run the command.
      const timeoutMs = request.timeoutMs - Math.round(performance.now() - startedAt);
      if (!(error instanceof JobNotStarted) || wait.signal.aborted || timeoutMs <= 0) throw error;
      return await runCommand(pool, { ...request, timeoutMs }, characterLimit, context);
    }
  }
  return await runCommand(pool, request, characterLimit, context);
}

import { abortable } from "../async/abortable.ts";
import { type Clock, waitingClock } from "../async/clock.ts";
import { RemoteExecError } from "../errors.ts";

/** Time that a worker gets to answer a call that was cancelled or reached its time limit. */
const GRACE_MS = 10_000;

/**
 * Waits for a worker's answer to a call that got the same signal. A cancelled call is waited for as
 * well, because its answer reports what was stopped.
 *
 * @param limitMs the call's own time limit; undefined for a call that aborts itself when it stalls
 * @param graceMs time that the call itself needs after its limit or its cancellation
 * @throws RemoteExecError `internal` when the worker does not answer in time
 */
export async function inTime<T>(
  signal: AbortSignal,
  limitMs: number | undefined,
  started: Promise<T>,
  graceMs = 0,
  clock: Clock = waitingClock,
): Promise<T> {
  const silent = new AbortController();
  const cancels: (() => void)[] = [];
  const expireAfter = (ms: number) => cancels.push(clock.after(ms, () => silent.abort(noAnswer())));
  const onAbort = () => expireAfter(GRACE_MS + graceMs);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  if (limitMs !== undefined) expireAfter(limitMs + GRACE_MS + graceMs);
  try {
    return await abortable(started, silent.signal);
  } finally {
    signal.removeEventListener("abort", onAbort);
    for (const cancel of cancels) cancel();
  }
}

const noAnswer = () =>
  new RemoteExecError(
    "internal",
    "The worker did not answer in time",
    "Try again; if it happens again, restart the MCP server and read its stderr",
  );

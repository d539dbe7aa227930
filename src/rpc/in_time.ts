import { abortable } from "../async/abortable.ts";
import { type Clock, waitingClock } from "../async/clock.ts";
import { RemoteExecError } from "../errors.ts";

/** How long a worker may take to report a call that was cancelled or exceeded its time limit. */
const GRACE_MS = 10_000;

/**
 * Returns the answer of a call into a worker that received the same signal. Waits for a cancelled
 * call too: its answer says what became of it.
 *
 * @param limitMs the call's own time limit; undefined for a call that ends by itself when it stalls
 * @param graceMs what the call itself waits for beyond its limit or its cancellation
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
    "The module that does the work has not answered in time",
    "Try again; if it happens again, restart the MCP server and look at its stderr",
  );

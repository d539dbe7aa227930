import { RemoteExecError } from "../errors.ts";

/** How long a worker may take to tell of a call that has been cancelled or has run out of time. */
const GRACE_MS = 10_000;

/**
 * The answer of a call into a worker that was given the same signal. A cancelled one is waited for:
 * it still tells what became of it.
 *
 * @param limitMs the call's own time limit; undefined for one that ends by itself when it stands still
 * @param graceMs what the call itself waits for beyond its limit or its cancellation
 * @throws RemoteExecError `internal` when the worker does not answer in time
 */
export async function inTime<T>(
  signal: AbortSignal,
  limitMs: number | undefined,
  started: Promise<T>,
  graceMs = 0,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timers: ReturnType<typeof setTimeout>[] = [];
  const expireAfter = (ms: number) => timers.push(setTimeout(() => late.reject(noAnswer()), ms));
  const onAbort = () => expireAfter(GRACE_MS + graceMs);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  if (limitMs !== undefined) expireAfter(limitMs + GRACE_MS + graceMs);
  try {
    return await Promise.race([started, late.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    for (const timer of timers) clearTimeout(timer);
  }
}

const noAnswer = () =>
  new RemoteExecError(
    "internal",
    "The module that does the work has not answered in time",
    "Try again; if it happens again, restart the MCP server and look at its stderr",
  );

import type { Clock } from "../clock.ts";
import { cancelled } from "../errors.ts";

/** Waits. @throws RemoteExecError `cancelled` at once when the call is given up meanwhile */
export async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(cancelled());
  const takeBack = clock.after(delayMs, resolve);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await promise;
  } finally {
    takeBack();
    signal.removeEventListener("abort", onAbort);
  }
}

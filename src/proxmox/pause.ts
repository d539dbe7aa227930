import { abortable } from "../async/abortable.ts";
import type { Clock } from "../async/clock.ts";
import { cancelled } from "../errors.ts";

/** Waits. @throws RemoteExecError `cancelled` at once when the call is given up meanwhile */
export async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>();
  const takeBack = clock.after(delayMs, over.resolve);
  try {
    await abortable(over.promise, signal);
  } catch {
    throw cancelled();
  } finally {
    takeBack();
  }
}

import { abortable } from "./abortable.ts";
import { type Clock, waitingClock } from "./clock.ts";

/** Settings of {@linkcode delay}. */
export interface DelayOptions {
  /** Ends the wait early. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/** Waits for `delayMs`. @throws the signal's reason when it is aborted first */
export async function delay(
  delayMs: number,
  { signal, clock = waitingClock }: DelayOptions = {},
): Promise<void> {
  const over = Promise.withResolvers<void>();
  const cancel = clock.after(delayMs, over.resolve);
  try {
    await (signal === undefined ? over.promise : abortable(over.promise, signal));
  } finally {
    cancel();
  }
}

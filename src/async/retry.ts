import { type Clock, waitingClock } from "./clock.ts";
import { delay } from "./delay.ts";

/** Settings of {@linkcode retry}. */
export interface RetryOptions {
  /** Max number of runs, the first included. */
  readonly attempts: number;
  /**
   * Returns the milliseconds to wait before the next attempt, or undefined when the error is final.
   * `attempt` counts from 1. It may throw a better error.
   */
  readonly pauseMs: (error: unknown, attempt: number) => number | undefined;
  /** Ends the attempts and the pauses between them. */
  readonly signal: AbortSignal;
  readonly clock?: Clock | undefined;
}

/**
 * Runs `work` until it succeeds, its error is final, or the attempts are used up.
 *
 * @throws the last error of `work`, or the signal's reason as soon as it is aborted
 */
export async function retry<T>(
  work: () => Promise<T>,
  { attempts, pauseMs, signal, clock = waitingClock }: RetryOptions,
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    signal.throwIfAborted();
    let waitMs: number | undefined;
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      waitMs = pauseMs(error, attempt);
      if (waitMs === undefined || attempt >= attempts) throw error;
    }
    await delay(waitMs, { signal, clock });
  }
}

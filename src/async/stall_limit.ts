import { waitingClock } from "./clock.ts";
import type { DeadlineOptions } from "./deadline.ts";

/**
 * The limit is counted in this many ticks instead of by the clock's time, which can jump. A stall is
 * noticed at most one tick after the limit.
 */
const TICKS = 10;
/** A shorter tick would only cost time. */
const MIN_TICK_MS = 50;

/** Settings of {@linkcode stallLimit}. */
export interface StallOptions extends DeadlineOptions {
  readonly late: (limitMs: number) => unknown;
}

/** A signal with a time limit that starts again with every step. Disposing of it clears the timer. */
export interface StallLimit extends Disposable {
  readonly signal: AbortSignal;
  /** Reports a step: the limit starts again. It sets no timer, so each chunk may call it. */
  moved(): void;
  /** Starts the limit again with another length. */
  allow(limitMs: number): void;
}

/**
 * Returns a limit for work that may take long but has to move: its signal is aborted when no step is
 * reported for `limitMs`, or with `options.signal`.
 */
export function stallLimit(
  limitMs: number,
  { signal, late, clock = waitingClock }: StallOptions,
): StallLimit {
  const controller = new AbortController();
  let idleTicks = 0;
  let cancel = () => {};
  const watch = (ms: number) => {
    const tickMs = Math.max(MIN_TICK_MS, ms / TICKS);
    cancel();
    idleTicks = 0;
    const tick = () => {
      // The step may have come at any moment of the first tick, which therefore does not count.
      if (idleTicks++ * tickMs >= ms) controller.abort(late(ms));
      else cancel = clock.after(tickMs, tick);
    };
    cancel = clock.after(tickMs, tick);
  };
  watch(limitMs);
  return {
    signal: signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]),
    moved: () => idleTicks = 0,
    allow: watch,
    [Symbol.dispose]: () => cancel(),
  };
}

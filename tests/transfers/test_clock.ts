import type { Clock } from "../../src/async/clock.ts";

/** Delays up to this are pauses, longer ones are time limits. */
const LONGEST_PAUSE_MS = 4_900;

/**
 * A clock on which pauses are over at once and time limits never come. `ahead` moves it.
 */
export class TestClock implements Clock {
  readonly pausesMs: number[] = [];
  aheadMs = 0;

  now(): number {
    return Date.now() + this.aheadMs;
  }

  after(delayMs: number, action: () => void): () => void {
    if (delayMs > LONGEST_PAUSE_MS) return () => {};
    this.pausesMs.push(delayMs);
    let taken = false;
    queueMicrotask(() => {
      if (!taken) action();
    });
    return () => {
      taken = true;
    };
  }
}

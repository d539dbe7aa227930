import type { Clock } from "../../src/async/clock.ts";

/** A clock that stands until a test moves it. */
export class FakeClock implements Clock {
  #now = Date.parse("2026-03-01T12:00:00Z");
  readonly #timers = new Set<{ readonly atMs: number; readonly action: () => void }>();

  now(): number {
    return this.#now;
  }

  after(delayMs: number, action: () => void): () => void {
    const timer = { atMs: this.#now + delayMs, action };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Timers that have been set and neither run nor been taken back. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Lets time pass; what becomes due runs in its order. */
  advance(ms: number): void {
    this.#now += ms;
    const due = [...this.#timers].filter((timer) => timer.atMs <= this.#now)
      .sort((a, b) => a.atMs - b.atMs);
    for (const timer of due) {
      if (this.#timers.delete(timer)) timer.action();
    }
  }
}

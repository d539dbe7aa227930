import type { Clock } from "../../src/async/clock.ts";

/** Options of {@linkcode FakeClock}. */
export interface FakeClockOptions {
  /** The time at the start, in milliseconds since 1970. */
  readonly nowMs?: number;
  /** Delays up to this are skipped: time jumps to their end as soon as they begin. */
  readonly skipUpToMs?: number;
}

interface Timer {
  readonly dueMs: number;
  readonly action: () => void;
}

/** A clock that stands still until a test advances it. Timers that become due run in their order. */
export class FakeClock implements Clock {
  nowMs: number;
  /** The delays that were skipped, in milliseconds. */
  readonly skippedMs: number[] = [];
  readonly #skipUpToMs: number;
  #jumpedMs = 0;
  readonly #timers = new Set<Timer>();

  constructor(options: FakeClockOptions = {}) {
    this.nowMs = options.nowMs ?? Date.parse("2026-03-01T12:00:00Z");
    this.#skipUpToMs = options.skipUpToMs ?? -1;
  }

  readonly now = (): number => this.nowMs;

  readonly elapsed = (): number => this.nowMs - this.#jumpedMs;

  /** Sets the wall clock forward or back, as a person or a time server does. No timer runs for it. */
  jump(ms: number): void {
    this.nowMs += ms;
    this.#jumpedMs += ms;
  }

  after(delayMs: number, action: () => void): () => void {
    const timer = { dueMs: this.elapsed() + delayMs, action };
    this.#timers.add(timer);
    if (delayMs <= this.#skipUpToMs) {
      this.skippedMs.push(delayMs);
      queueMicrotask(() => this.#run(timer));
    }
    return () => void this.#timers.delete(timer);
  }

  /** Remaining time of each timer that is set, in milliseconds. */
  get remainingMs(): number[] {
    return [...this.#timers].map(({ dueMs }) => dueMs - this.elapsed());
  }

  /** Number of timers that are set. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Moves the time forward and runs every timer that was set before and is due. */
  advance(ms: number): void {
    this.nowMs += ms;
    const due = [...this.#timers].filter(({ dueMs }) => dueMs <= this.elapsed());
    for (const timer of due.sort((a, b) => a.dueMs - b.dueMs)) this.#run(timer);
  }

  #run(timer: Timer): void {
    if (!this.#timers.delete(timer)) return;
    this.nowMs = Math.max(this.nowMs, timer.dueMs + this.#jumpedMs);
    timer.action();
  }
}

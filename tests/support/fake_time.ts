interface Timer {
  readonly id: number;
  readonly dueMs: number;
  readonly run: () => void;
}

/**
 * Replaces `setTimeout` and `clearTimeout` until it is disposed of; time passes by `tick()` only.
 * For code that takes no clock.
 */
export class FakeTime implements Disposable {
  readonly #real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  #nowMs = 0;
  #lastId = 1_000_000;
  #timers: Timer[] = [];

  constructor() {
    const fakes = {
      setTimeout: (run: () => void, delayMs = 0) => {
        this.#timers.push({ id: ++this.#lastId, dueMs: this.#nowMs + delayMs, run });
        return this.#lastId;
      },
      clearTimeout: (id?: number) => {
        this.#timers = this.#timers.filter((timer) => timer.id !== id);
      },
    };
    Object.assign(globalThis, fakes);
  }

  /** Timers that have not run and were not cleared. */
  get waiting(): number {
    return this.#timers.length;
  }

  /** Lets time pass and runs what is due, in its order. */
  tick(ms: number): void {
    this.#nowMs += ms;
    for (;;) {
      const due = this.#timers.filter(({ dueMs }) => dueMs <= this.#nowMs)
        .sort((a, b) => a.dueMs - b.dueMs)[0];
      if (due === undefined) return;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      due.run();
    }
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#real);
  }
}

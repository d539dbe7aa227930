import { abortable } from "./abortable.ts";

/** Lets a limited number of tasks run at a time; the others wait in order. */
export class Turns {
  readonly #limit: number;
  #running = 0;
  #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs the task when it is its turn. @throws the signal's reason if it is aborted before */
  async run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await abortable(this.#take(), signal, () => this.#release());
    try {
      return await task();
    } finally {
      this.#release();
    }
  }

  #take(): Promise<void> {
    if (this.#running < this.#limit) {
      this.#running++;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Passes the turn on to the next one. */
  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}

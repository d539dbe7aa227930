import { abortable } from "./abortable.ts";

/** Runs tasks with the same key one after the other, and all others at the same time. */
export class InOrder {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs the task when those before it have ended. @throws the signal's reason if it is aborted before */
  async run<T>(key: string, task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const own = Promise.withResolvers<void>();
    const before = this.#last.get(key);
    const ended = Promise.all([before, own.promise]);
    this.#last.set(key, ended);
    try {
      if (before !== undefined) await abortable(before, signal);
      return await task();
    } finally {
      own.resolve();
      ended.then(() => {
        if (this.#last.get(key) === ended) this.#last.delete(key);
      });
    }
  }
}

import { valueWithin } from "../../../async/deadline.ts";

/** The commands that are not answered yet, for the end of this server. */
export class RunningCommands {
  readonly #running = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();

  /** Aborted by {@linkcode end}. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Returns what the command returns. */
  async track<T>(command: Promise<T>): Promise<T> {
    this.#running.add(command);
    return await command.finally(() => this.#running.delete(command));
  }

  /**
   * Waits for the cancelled commands to be stopped: the guard does not know those that may become jobs.
   * Never throws.
   */
  async end(limitMs: number): Promise<void> {
    this.#closing.abort();
    await valueWithin(Promise.allSettled(this.#running), limitMs);
  }
}

/** Max requests in flight: 4 MB in total. More does not help, because OpenSSH's window is 2 MB. */
export const IN_FLIGHT = 16;

/** Runs a limited number of promises at a time and reports the first failure. */
export class Pipeline {
  readonly #running = new Set<Promise<void>>();
  #failed = false;
  #failure: unknown;

  /** Adds a task; waits only if the max number is running. @throws the first failure so far */
  async add(task: Promise<void>): Promise<void> {
    const tracked = task.catch((error) => {
      if (!this.#failed) this.#failure = error;
      this.#failed = true;
    }).finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
    if (this.#running.size >= IN_FLIGHT) await Promise.race(this.#running);
    if (this.#failed) throw this.#failure;
  }

  /** Waits for all tasks. @throws the first failure */
  async finish(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failed) throw this.#failure;
  }
}

/** The calls that run, so that an ending server can cancel them and still answer. */
export class RunningCalls<Result> {
  readonly #calls = new Set<{ cancel(): void; abandon(): void }>();

  /**
   * Runs one call with a signal that follows the given one and {@linkcode cancel}.
   *
   * @param abandoned makes the result of a call that does not return after {@linkcode abandon}
   */
  async run(
    signal: AbortSignal,
    call: (signal: AbortSignal) => Promise<Result>,
    abandoned: () => Result,
  ): Promise<Result> {
    const controller = new AbortController();
    const cancel = () => controller.abort(signal.reason);
    const early = Promise.withResolvers<Result>();
    const running = { cancel, abandon: () => early.resolve(abandoned()) };
    this.#calls.add(running);
    signal.addEventListener("abort", cancel);
    if (signal.aborted) cancel();
    try {
      return await Promise.race([call(controller.signal), early.promise]);
    } finally {
      signal.removeEventListener("abort", cancel);
      this.#calls.delete(running);
    }
  }

  /** Cancels every call. Each returns what it has so far. */
  cancel(): void {
    for (const { cancel } of this.#calls) cancel();
  }

  /** Answers every call without waiting for it. */
  abandon(): void {
    for (const { abandon } of this.#calls) abandon();
  }
}

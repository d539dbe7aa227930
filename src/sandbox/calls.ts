import { RemoteExecError } from "../errors.ts";

/** How long a worker may take to tell of a call that has been cancelled or has run out of time. */
const GRACE_MS = 10_000;

/** Gives calls into a worker an id, a cancellation and a deadline. */
export class Calls {
  readonly #cancel: (id: number) => Promise<void>;
  /** One counter for all: two services of one worker must not give the same id. */
  static #lastId = 0;

  constructor(cancel: (id: number) => Promise<void>) {
    this.#cancel = cancel;
  }

  /**
   * Runs one call. A cancelled one is waited for: it still tells what became of it.
   *
   * @param limitMs the call's own time limit; undefined for one that ends by itself when it stands still
   * @throws RemoteExecError `internal` when the worker does not answer in time
   */
  async run<T>(
    signal: AbortSignal,
    limitMs: number | undefined,
    start: (id: number) => Promise<T>,
  ): Promise<T> {
    const id = ++Calls.#lastId;
    const late = Promise.withResolvers<never>();
    const timers: ReturnType<typeof setTimeout>[] = [];
    const expireAfter = (ms: number) => timers.push(setTimeout(() => late.reject(noAnswer()), ms));
    const onAbort = () => {
      this.#cancel(id).catch(() => {});
      expireAfter(GRACE_MS);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    if (limitMs !== undefined) expireAfter(limitMs + GRACE_MS);
    try {
      const started = start(id);
      if (signal.aborted) onAbort();
      return await Promise.race([started, late.promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
      for (const timer of timers) clearTimeout(timer);
    }
  }
}

const noAnswer = () =>
  new RemoteExecError(
    "internal",
    "The module that does the work has not answered in time",
    "Try again; if it happens again, restart the MCP server and look at its stderr",
  );

import { abortable } from "./abortable.ts";
import { type Clock, waitingClock } from "./clock.ts";

/** Settings of {@linkcode deadline} and {@linkcode deadlineSignal}. */
export interface DeadlineOptions {
  /** Ends the work before its deadline. */
  readonly signal?: AbortSignal | undefined;
  /** Makes the error of a missed deadline from its limit; a `TimeoutError` by default. */
  readonly late?: ((limitMs: number) => unknown) | undefined;
  readonly clock?: Clock | undefined;
}

/** A signal with a time limit. Disposing of it clears the timer. */
export interface DeadlineSignal extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * Returns the value of `work`, or rejects when `limitMs` pass first. A function as `work` receives a
 * signal that is aborted at the deadline; it still follows `options.signal` after the work is done,
 * so that a stream that was opened by the work can be ended.
 *
 * `undo` is called with a value that arrives after that, for example to close it.
 *
 * @throws the error of `late`, the reason of `options.signal`, or what the work rejects with
 */
export async function deadline<T>(
  work: Promise<T> | ((signal: AbortSignal) => Promise<T>),
  limitMs: number,
  options: DeadlineOptions & { readonly undo?: (late: T) => unknown } = {},
): Promise<T> {
  using limit = deadlineSignal(limitMs, options);
  const promise = typeof work === "function" ? work(limit.signal) : work;
  return await abortable(promise, limit.signal, options.undo);
}

/**
 * Returns a signal that is aborted after `limitMs`, or with `options.signal`. Use it when several
 * steps share one deadline.
 *
 * @example
 * using limit = deadlineSignal(5_000, { signal });
 * await ask(limit.signal);
 */
export function deadlineSignal(
  limitMs: number,
  { signal, late = timedOut, clock = waitingClock }: DeadlineOptions = {},
): DeadlineSignal {
  const controller = new AbortController();
  const cancel = clock.after(limitMs, () => controller.abort(late(limitMs)));
  return {
    signal: signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]),
    [Symbol.dispose]: cancel,
  };
}

/**
 * Returns the promise's value, or undefined when `limitMs` pass first. Use it for a wait that may
 * fail without consequence.
 *
 * @throws what the promise rejects with
 */
export async function valueWithin<T>(
  promise: Promise<T>,
  limitMs: number,
  clock: Clock = waitingClock,
): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const cancel = clock.after(limitMs, () => late.resolve(undefined));
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    cancel();
  }
}

const timedOut = () => new DOMException("The time limit was exceeded", "TimeoutError");

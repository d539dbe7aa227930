import { abortable } from "../../async/abortable.ts";
import type { Clock } from "../../async/clock.ts";

/** Waits; rejects with the signal's reason when it is aborted before. */
export async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>();
  const takeBack = clock.after(delayMs, over.resolve);
  try {
    await abortable(over.promise, signal);
  } finally {
    takeBack();
  }
}

/**
 * Runs something with a signal that follows `signal` and is also aborted with `late()` when `limitMs`
 * have passed. The limit ends with `run`, or when `run` takes it back by its second argument.
 */
export async function withinLimit<T>(
  clock: Clock,
  limitMs: number,
  signal: AbortSignal,
  late: () => Error,
  run: (signal: AbortSignal, endLimit: () => void) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const takeBack = clock.after(limitMs, () => controller.abort(late()));
  const both = AbortSignal.any([signal, controller.signal]);
  try {
    return await abortable(run(both, takeBack), both);
  } finally {
    takeBack();
  }
}

import type { Clock } from "./clock.ts";

/**
 * Calls `action` after each `intervalMs`, the first time after one interval; returns a function that
 * stops it. The clock is required, because only the caller knows whether the timer may keep the
 * process alive.
 */
export function every(clock: Clock, intervalMs: number, action: () => void): () => void {
  let cancel = () => {};
  let isStopped = false;
  const wait = () => {
    cancel = clock.after(intervalMs, () => {
      action();
      if (!isStopped) wait();
    });
  };
  wait();
  return () => {
    isStopped = true;
    cancel();
  };
}

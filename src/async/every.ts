import type { Clock } from "./clock.ts";

/**
 * Calls `action` now and then after each `intervalMs`; returns a function that stops it. The clock is
 * required, because only the caller knows whether the timer may keep the process alive.
 */
export function every(clock: Clock, intervalMs: number, action: () => void): () => void {
  let cancel = () => {};
  let isStopped = false;
  const round = () => {
    action();
    if (!isStopped) cancel = clock.after(intervalMs, round);
  };
  round();
  return () => {
    isStopped = true;
    cancel();
  };
}

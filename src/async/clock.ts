/** The time as code sees it, so that tests can set it. */
export interface Clock {
  /** Milliseconds since 1970 (wall clock). It may jump in both directions. */
  now(): number;
  /** Milliseconds since some start, for durations: it never jumps. */
  elapsed(): number;
  /** Calls `action` once after `delayMs`; returns a function that cancels the call. */
  after(delayMs: number, action: () => void): () => void;
}

/** The machine's clock for background work. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    Deno.unrefTimer(timer);
    return () => clearTimeout(timer);
  },
};

/**
 * The machine's clock for work that somebody awaits. Its timers keep the process alive until they
 * fire or are cancelled. It is the default of every function in this folder.
 */
export const waitingClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};

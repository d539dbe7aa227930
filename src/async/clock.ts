/** Time as the services see it, so that tests can set it. */
export interface Clock {
  /** Milliseconds since 1970 (wall clock). */
  now(): number;
  /** Calls `action` once after `delayMs`; gives a function that takes it back. */
  after(delayMs: number, action: () => void): () => void;
}

/** The clock of the machine. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    Deno.unrefTimer(timer);
    return () => clearTimeout(timer);
  },
};

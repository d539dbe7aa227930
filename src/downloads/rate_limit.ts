import type { Clock } from "../clock.ts";

/** Addresses that are remembered at most; the one that was seen first is forgotten. */
const MAX_ADDRESSES = 10_000;

interface Window {
  readonly endsAtMs: number;
  count: number;
}

/** Counts what an address does within a time; one does not use up another's share. */
export class RateLimit {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #windows = new Map<string, Window>();

  constructor(clock: Clock, limit: number, windowMs: number) {
    this.#clock = clock;
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** Seconds until the address may try again; undefined when it may now. */
  waitSeconds(address: string): number | undefined {
    const window = this.#current(address);
    if (window === undefined || window.count < this.#limit) return undefined;
    return Math.max(1, Math.ceil((window.endsAtMs - this.#clock.now()) / 1000));
  }

  count(address: string): void {
    const window = this.#current(address);
    if (window !== undefined) {
      window.count++;
      return;
    }
    this.#windows.delete(address);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size >= MAX_ADDRESSES && oldest !== undefined) this.#windows.delete(oldest);
    this.#windows.set(address, { endsAtMs: this.#clock.now() + this.#windowMs, count: 1 });
  }

  #current(address: string): Window | undefined {
    const window = this.#windows.get(address);
    return window !== undefined && window.endsAtMs > this.#clock.now() ? window : undefined;
  }
}

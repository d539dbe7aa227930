import { isIPv6 } from "node:net";
import type { Clock } from "../../../async/clock.ts";

/** Addresses that are remembered at most; the one that was seen first is forgotten. */
const MAX_ADDRESSES = 10_000;

interface Window {
  readonly endsAtMs: number;
  count: number;
}

/**
 * Counts what an address does within a time; one does not use up another's share. IPv6 addresses of one
 * /64 count together: a single machine usually has all of it.
 */
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
    const window = this.#current(networkOf(address));
    if (window === undefined || window.count < this.#limit) return undefined;
    return Math.max(1, Math.ceil((window.endsAtMs - this.#clock.now()) / 1000));
  }

  count(from: string): void {
    const address = networkOf(from);
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

function networkOf(address: string): string {
  const plain = address.replace(/%.*$/, "");
  if (!isIPv6(plain)) return address;
  // The URL parser writes an address in its one shortest form, in hexadecimal throughout.
  const [left = "", right = ""] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split("::");
  const head = left.split(":").filter((group) => group !== "");
  const tail = right.split(":").filter((group) => group !== "");
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill("0"), ...tail];
  const isMapped = groups.slice(0, 5).every((group) => group === "0") && groups[5] === "ffff";
  return isMapped ? groups.join(":") : `${groups.slice(0, 4).join(":")}::/64`;
}

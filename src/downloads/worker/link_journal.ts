import type { Clock } from "../../async/clock.ts";
import type { LinkEvent } from "../port.ts";
import { RateLimit } from "./http/rate_limit.ts";
import type { Link } from "./link.ts";

const MINUTE_MS = 60_000;

/** Max refusals of one link that are recorded per minute. Anyone with the link can cause them without limit. */
const RECORDED_REFUSALS = 60;

/** Max events of a kind that one link records in a minute; the others are counted. */
const RECORDED: ReadonlyMap<string, number> = new Map([
  // While the host is down, each view of a link claims and releases it.
  ["claimed", 1],
  ["unavailable", 1],
  ["released", 1],
  ["part_delivered", 60],
  ["interrupted", 60],
]);

interface Window {
  readonly endsAtMs: number;
  recorded: number;
  skipped: number;
  skippedBytes: number;
  last: LinkEvent;
}

/**
 * Records the events of links for the audit log, so that nobody with a link can fill the disk. Events that
 * are not recorded one by one are counted in one event with `repeated`, at the latest when the link ends.
 */
export class LinkJournal {
  readonly #clock: Clock;
  readonly #onEvent: (event: LinkEvent) => void;
  readonly #slowedRecords: RateLimit;
  /** By the public id of a link. */
  readonly #refusals: RateLimit;
  readonly #windows = new WeakMap<Link, Map<string, Window>>();

  constructor(clock: Clock, onEvent: (event: LinkEvent) => void) {
    this.#clock = clock;
    this.#onEvent = onEvent;
    this.#slowedRecords = new RateLimit(clock, 1, MINUTE_MS);
    this.#refusals = new RateLimit(clock, RECORDED_REFUSALS, MINUTE_MS);
  }

  /** Records an event of a link. */
  note(link: Link, action: string, more: LinkEvent = {}): void {
    const max = RECORDED.get(action);
    if (max === undefined) {
      this.countSkipped(link);
      return this.#record(link, action, more);
    }
    const window = this.#window(link, action);
    if (window.recorded < max) {
      window.recorded++;
      return this.#record(link, action, more);
    }
    window.skipped++;
    window.skippedBytes += typeof more.bytes === "number" ? more.bytes : 0;
    window.last = more;
  }

  /** Records how many events of a link were not recorded one by one, each kind with its last one. */
  countSkipped(link: Link): void {
    for (const [action, window] of this.#windows.get(link) ?? []) this.#count(link, action, window);
  }

  /** Records a refused request, without its token. */
  refused(reason: string, address: string, tokenId?: string): void {
    if (tokenId !== undefined) {
      if (this.#refusals.waitSeconds(tokenId) !== undefined) return this.slowed(address);
      this.#refusals.count(tokenId);
    }
    this.#onEvent({
      event: "download_link",
      action: "refused",
      reason,
      address,
      ...(tokenId === undefined ? {} : { token_id: tokenId }),
    });
  }

  /** Records that an address was rate-limited, but not each time: that could fill the disk. */
  slowed(address: string): void {
    if (this.#slowedRecords.waitSeconds(address) !== undefined) return;
    this.#slowedRecords.count(address);
    this.refused("too many requests", address);
  }

  #window(link: Link, action: string): Window {
    const windows = this.#windows.get(link) ?? new Map<string, Window>();
    this.#windows.set(link, windows);
    const open = windows.get(action);
    if (open !== undefined && this.#clock.elapsed() < open.endsAtMs) return open;
    if (open !== undefined) this.#count(link, action, open);
    const endsAtMs = this.#clock.elapsed() + MINUTE_MS;
    const window = { endsAtMs, recorded: 0, skipped: 0, skippedBytes: 0, last: {} };
    windows.set(action, window);
    return window;
  }

  #count(link: Link, action: string, window: Window): void {
    const { skipped, skippedBytes, last } = window;
    if (skipped === 0) return;
    const bytes = "bytes" in last ? { bytes: skippedBytes } : {};
    Object.assign(window, { skipped: 0, skippedBytes: 0 });
    this.#record(link, action, { ...last, ...bytes, repeated: skipped });
  }

  #record(link: Link, action: string, more: LinkEvent): void {
    this.#onEvent({ event: "download_link", action, token_id: link.id, ...more });
  }
}

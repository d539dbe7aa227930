import { errorText } from "../../../errors.ts";
import { valueWithin } from "../../../async/deadline.ts";
import type { HostTraits } from "./host_traits.ts";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";

/** Thrown if an SSH session could not be opened. `sent`: the command may have reached the host. */
export class SessionFailure extends Error {
  override readonly name = "SessionFailure";
  constructor(
    readonly reason: "full" | "gone" | "refused",
    readonly sent: boolean,
    cause: unknown,
  ) {
    super(errorText(cause), { cause });
  }
}

/** Classifies ssh2's error for a session that could not be opened. @param alive the connection is open */
export function failureReason(error: Error, alive: boolean): SessionFailure["reason"] {
  if (/channel open failure/i.test(error.message)) return "full";
  return alive && !/no response|not connected/i.test(error.message) ? "refused" : "gone";
}

/** Reports whether the host refused a session because the connection has the max number of sessions. */
export const isFull = (error: unknown): boolean =>
  error instanceof SessionFailure && error.reason === "full";

/** Returns the failure for a host that does not allow a single session. */
export const noSessionsAllowed = () =>
  new SessionFailure("refused", false, "it allows no sessions (MaxSessions)");

/**
 * OpenSSH frees a session a moment after it reports its end, so a request that follows at once is
 * refused. Source: measured on OpenSSH 9.2 with MaxSessions 1.
 */
const RECENTLY_FREED_MS = 250;

/**
 * What to do after a refusal: `later`: try again; `guard`: the guard must end first; `fewer`: the host
 * allows fewer sessions than assumed; `none`: the host allows no session at all.
 */
export type Refusal = "later" | "guard" | "fewer" | "none";

/** Counts the open SSH sessions of one connection and learns how many the host allows. */
export class SessionCount {
  readonly #traits: HostTraits;
  #used = 0;
  /** The guard's session is reserved from the start, so that commands leave room for it. */
  #guard: "none" | "reserved" | "open" = "none";
  #freedAtMs = -Infinity;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(traits: HostTraits) {
    this.#traits = traits;
  }

  /** True if no session is in use, apart from the guard's. */
  get isIdle(): boolean {
    return this.#used <= (this.#guard === "none" ? 0 : 1);
  }

  /** Waits until no session is in use, apart from the guard's. False if that takes longer than the limit. */
  async becomeIdle(limitMs: number): Promise<boolean> {
    this.#idle ??= Promise.withResolvers<void>();
    this.#noteIdle();
    await valueWithin(this.#idle.promise, limitMs);
    return this.isIdle;
  }

  /** True if another session is open beside the one that was just requested. */
  get hasOthers(): boolean {
    return this.#used - (this.#guard === "reserved" ? 1 : 0) > 1;
  }

  /** True if the guard's session can be opened now. */
  get hasRoomForGuard(): boolean {
    return this.#guard === "reserved" && this.#used <= this.#traits.sessionLimit;
  }

  /** Takes a session if one is free. */
  take(): boolean {
    if (this.#used >= this.#traits.sessionLimit) return false;
    this.#used++;
    return true;
  }

  /** Releases a session that was taken but never opened. */
  releaseUnopened(): void {
    this.#used--;
    this.#noteIdle();
  }

  /** Releases a session that was open. */
  release(): void {
    this.#used--;
    this.#freedAtMs = performance.now();
    this.#noteIdle();
  }

  /** Takes a session for the guard, which {@linkcode openGuard} uses later. */
  reserveGuard(): void {
    this.#used++;
    this.#guard = "reserved";
  }

  /** Uses the guard's session. */
  openGuard(): void {
    this.#guard = "open";
  }

  /** Keeps the guard's session, which the host has refused, for another attempt. */
  postponeGuard(): void {
    this.#guard = "reserved";
  }

  /** Releases the guard's session. */
  releaseGuard(): void {
    const guard = this.#guard;
    this.#guard = "none";
    if (guard === "open") this.release();
    if (guard === "reserved") this.releaseUnopened();
  }

  #noteIdle(): void {
    if (this.isIdle) this.#idle?.resolve();
  }

  /**
   * Records that a session could not be opened. Must be called before that session is released.
   *
   * @returns undefined if it was not refused
   */
  failed(error: unknown): Refusal | undefined {
    if (!isFull(error)) return undefined;
    if (performance.now() - this.#freedAtMs < RECENTLY_FREED_MS) return "later";
    const others = this.#used - 1 - (this.#guard === "reserved" ? 1 : 0);
    if (others <= 0) return "none";
    this.#traits.limitSessions(others);
    return others === 1 && this.#guard === "open" ? "guard" : "fewer";
  }

  /** Records that the host refused the guard's session. True if it may be opened later. */
  guardRefused(): boolean {
    if (performance.now() - this.#freedAtMs < RECENTLY_FREED_MS) return true;
    const others = this.#used - 1;
    if (others > 0) this.#traits.limitSessions(others);
    return others > 1;
  }
}

/** Max sessions that daemons may occupy by keeping the output of a finished command open. */
const MAX_DRAINING = 3;

/** Channels of finished commands that other processes on the host hold open. Their output is dropped. */
export class DrainingChannels {
  #channels: ClientChannel[] = [];

  /** Drains a channel and calls `onClose` when it closes. Beyond the max, the oldest channel is closed. */
  add(channel: ClientChannel, onClose: () => void): void {
    // An abandoned async iterator leaves a `readable` listener behind, which would block `resume()`.
    channel.removeAllListeners("readable");
    channel.resume();
    channel.stderr.resume();
    channel.once("close", () => {
      this.#channels = this.#channels.filter((each) => each !== channel);
      onClose();
    });
    this.#channels.push(channel);
    if (this.#channels.length > MAX_DRAINING) this.#channels.shift()?.close();
  }
}

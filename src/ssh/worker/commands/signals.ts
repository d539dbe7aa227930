// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { valueWithin } from "../../../async/deadline.ts";

/** How long a signal may take to show. */
const SIGNAL_MS = 1_000;

/**
 * Kills the command's process group, or with `graceMs` only tells it to stop and waits for so long; false
 * when the channel does not close upon that.
 *
 * There is no time for a clean end after TERM: when the shell has ended by it the channel is closed, and
 * nothing reaches a child any more that ignores TERM and whose output goes elsewhere.
 */
export async function endBySignals(
  channel: ClientChannel,
  isAlive: () => boolean,
  graceMs?: number,
): Promise<boolean> {
  const closed = new Promise<true>((resolve) => channel.once("close", () => resolve(true)));
  if (!isAlive()) return false;
  sendSignal(channel, graceMs === undefined ? "KILL" : "TERM");
  return await valueWithin(closed, graceMs ?? SIGNAL_MS) ?? false;
}

/** The part of ssh2's inside that sends a signal request; public `signal()` is dropped after `end()`. */
interface Inside {
  readonly outgoing: { readonly id: number };
  readonly _client: { readonly _protocol: { signal(channel: number, name: string): void } };
}

/**
 * Asks the host to signal the channel's process group, also when stdin has been closed already.
 *
 * Source: ssh2 1.17.0 lib/Channel.js `signal` (does nothing once the outgoing side is at its end);
 * RFC 4254 section 6.9 allows the request as long as the channel is open.
 */
export function sendSignal(channel: ClientChannel, name: "KILL" | "TERM"): void {
  const inside = channel as unknown as Partial<Inside>; // private, so nothing is taken for granted
  if (inside._client?._protocol && inside.outgoing) {
    inside._client._protocol.signal(inside.outgoing.id, name);
  } else {
    channel.signal(name);
  }
}

/**
 * Leaves it to the host to close a channel. As a stream it would destroy itself once both sides are
 * at their end, which sends CLOSE; a host that has not told the exit status by then never does.
 */
export function leaveOpen(channel: ClientChannel): void {
  Object.assign(channel, { destroy: () => channel });
}

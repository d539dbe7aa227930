import crypto from "node:crypto";
import type { Socket } from "node:net";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";

type Update = (data: Uint8Array) => Uint8Array;

/**
 * Makes ssh2's chacha20 ciphers end after their one use. To be imported before ssh2, which takes the
 * functions of `node:crypto` when it is loaded; only this worker's copy of that module is changed.
 *
 * ssh2 makes three or four chacha20 ciphers for each packet, calls `update()` once and drops them. Deno
 * frees the native side of a cipher in `final()` only, so that every packet loses about 1 kB for good:
 * 200 MB after 6 GB. Source: ssh2 1.17.0 lib/protocol/crypto.js ChaChaPoly*Native; measured on 2.9.4.
 */
for (const name of ["createCipheriv", "createDecipheriv"] as const) {
  const original = crypto[name] as (
    ...args: readonly unknown[]
  ) => { update: Update; final(): unknown };
  const patched = (algorithm: unknown, ...rest: readonly unknown[]) => {
    const cipher = original(algorithm, ...rest);
    return algorithm === "chacha20" ? usedOnce(cipher) : cipher;
  };
  Object.defineProperty(crypto, name, { value: patched, configurable: true, writable: true });
}

function usedOnce(cipher: { update: Update; final(): unknown }): { update: Update } {
  return {
    update(data) {
      const out = cipher.update(data);
      cipher.final();
      return out;
    },
  };
}

/**
 * Sends what is written in one go as one piece. ssh2 writes each packet in three parts (length,
 * payload, MAC); with Nagle off each part would be a system call and a TCP segment of its own.
 */
export function gatherWrites(socket: Socket): void {
  const write: typeof socket.write = socket.write.bind(socket);
  let corked = false;
  const uncork = () => {
    corked = false;
    socket.uncork();
  };
  socket.write = (...args: unknown[]) => {
    if (!corked) {
      corked = true;
      socket.cork();
      queueMicrotask(uncork);
    }
    // The same arguments in the same order; the overloads of write cannot be named here.
    return write(...args as Parameters<typeof socket.write>);
  };
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

import type { Socket } from "node:net";
// @ts-types="@types/ssh2"
import type { Client } from "ssh2";
import { waitingClock } from "../../../async/clock.ts";
import { every } from "../../../async/every.ts";
import { ping } from "./ssh2_patches.ts";

/** A host that sends no byte for this long after a request counts as dead. */
export const NO_RESPONSE_MS = 3_000;
/** A request that is not answered by then is followed by another one that every living host answers. */
const PING_MS = 500;

/**
 * Calls `action` once if no byte arrives on a connection for 3 seconds, although the host was asked for
 * one: a host that only answers slowly still responds. Returns a function that stops watching.
 */
export function whenUnresponsive(client: Client, socket: Socket, action: () => void): () => void {
  let seen = socket.bytesRead;
  const stopPing = waitingClock.after(PING_MS, () => ping(client));
  const stop = every(waitingClock, NO_RESPONSE_MS, () => {
    if (!socket.destroyed && socket.bytesRead !== seen) {
      seen = socket.bytesRead;
      return ping(client);
    }
    stop();
    action();
  });
  return () => {
    stopPing();
    stop();
  };
}

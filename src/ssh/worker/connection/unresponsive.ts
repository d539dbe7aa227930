import type { Socket } from "node:net";
// @ts-types="@types/ssh2"
import type { Client } from "ssh2";
import { type Clock, waitingClock } from "../../../async/clock.ts";
import { every } from "../../../async/every.ts";
import { ping } from "./ssh2_patches.ts";

/** A host that sends no byte for this long after a request counts as dead. */
export const NO_RESPONSE_MS = 3_000;
/** A request that is not answered by then is followed by another one that every living host answers. */
const PING_MS = 500;
/**
 * The time is counted in this many ticks. If this process was stopped meanwhile, for example because its
 * machine slept, it reads the host's answer between two ticks.
 */
const TICKS = 6;

/**
 * Calls `action` once if no byte arrives on a connection for 3 seconds, although the host was asked for
 * one: a host that only answers slowly still responds. Returns a function that stops watching.
 */
export function whenUnresponsive(
  client: Client,
  socket: Pick<Socket, "bytesRead" | "destroyed">,
  action: () => void,
  clock: Clock = waitingClock,
): () => void {
  let seen = socket.bytesRead;
  let ticks = 0;
  const stopPing = clock.after(PING_MS, () => ping(client));
  const stop = every(clock, NO_RESPONSE_MS / TICKS, () => {
    if (++ticks % TICKS !== 0) return;
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

import type { Socket } from "node:net";
// @ts-types="@types/ssh2"
import type { Client } from "ssh2";
import { onAnswer } from "./ssh2_patches.ts";

/** Max requests of a host that are answered in one period. OpenSSH sends at most one per second. */
const MAX_REQUESTS = 1_000;
const PERIOD_MS = 10_000;
/** A host that requests so much without reading the answers is cut off, however slowly it does. */
const MAX_UNREAD_ANSWERS = 10_000;

/**
 * Calls `onExcess` once if a host sends requests without end, for the life of the connection: each is
 * answered, which takes time and, if the host does not read, memory. Call it directly after `connect()`.
 */
export function limitRequests(client: Client, socket: Socket, onExcess: () => void): void {
  let periodEndsAtMs = 0;
  let inPeriod = 0;
  let unread = 0;
  let isOver = false;
  socket.on("drain", () => unread = 0);
  onAnswer(client, () => {
    if (isOver) return;
    const nowMs = performance.now();
    if (nowMs > periodEndsAtMs) {
      inPeriod = 0;
      periodEndsAtMs = nowMs + PERIOD_MS;
    }
    if (socket.writableLength === 0) unread = 0;
    isOver = ++inPeriod > MAX_REQUESTS || ++unread > MAX_UNREAD_ANSWERS;
    if (isOver) onExcess();
  });
}

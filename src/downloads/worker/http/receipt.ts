import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { systemClock } from "../../../async/clock.ts";

/** Time limits of {@linkcode awaitReceipt}. */
export interface ReceiptLimits {
  /**
   * A client that has closed its side is asked after this time whether it has read everything. If it has
   * not, the reset of the connection may arrive after the end of its side.
   */
  readonly probeMs: number;
  /** An answer that ends with the connection is ended this much later: who closes before has not read to its end. */
  readonly lingerMs: number;
  /** After this time without a sign the answer counts as received, and the server closes the connection. */
  readonly graceMs: number;
}

/** Called when a connection carries another request. */
const waiting = new WeakMap<Socket, () => void>();

/** Reports that the connection carries another request: the client has received the answer before it. */
export const nextRequest = (socket: Socket): void => waiting.get(socket)?.();

/**
 * Ends an answer whose headers and body have been written, and reports whether the client has received
 * all of it: when the last byte is written, megabytes may still wait in the buffers of both systems.
 *
 * The answer was received if the client closes the connection and its system does not refuse more data,
 * if the connection carries another request, or if the grace time passes. It was not received if the
 * connection is reset. A client that closes with unread data, or is killed, resets it at once or after it
 * has closed its side; the latter shows only when more data is written, so the server's side stays open.
 *
 * One case is counted wrongly: an answer that ends with the connection, and a client that closes its side more
 * than `lingerMs` after the last byte was sent and resets the connection only then. Programs that are killed
 * reset it at once.
 *
 * The answer must have the header `Connection: close`.
 *
 * @param endsByClose the client finds the end of the answer only by the end of the connection
 */
export function awaitReceipt(
  outgoing: ServerResponse,
  limits: ReceiptLimits,
  endsByClose: boolean,
): Promise<boolean> {
  const { socket } = outgoing;
  if (socket === null || socket.destroyed) return Promise.resolve(false);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timers: (() => void)[] = [];
  const httpListeners = socket.listeners("end");
  let isSettled = false;
  let hasEnded = false;
  const settle = (received: boolean) => {
    if (isSettled) return;
    isSettled = true;
    for (const cancel of timers) cancel();
    waiting.delete(socket);
    resolve(received);
  };
  const after = (ms: number, action: () => void) => {
    if (!isSettled) timers.push(systemClock.after(ms, action));
  };
  // `node:http` would close both sides now, and the client's side could not be observed.
  socket.destroySoon = () => {};
  socket.removeAllListeners("end");
  waiting.set(socket, () => {
    Reflect.deleteProperty(socket, "destroySoon");
    for (const listener of httpListeners) {
      socket.on("end", () => Reflect.apply(listener, socket, []));
    }
    settle(true);
  });
  socket.once("error", () => settle(false));
  // Both sides have closed in order, or the connection broke.
  socket.once("close", (hadError: boolean) => settle(hasEnded && !hadError));
  socket.once("end", () => {
    hasEnded = true;
    if (isSettled || socket.writableEnded) return;
    if (endsByClose) return finish(false);
    after(limits.probeMs, () => socket.write("\n", (error) => finish(!error)));
  });
  const finish = (received: boolean) => {
    settle(received);
    socket.destroy();
  };
  outgoing.end(() => {
    if (endsByClose) after(limits.lingerMs, () => socket.end());
    after(limits.graceMs, () => finish(true));
    socket.resume();
  });
  return promise;
}

import type { ServerResponse } from "node:http";
import type { Clock } from "../../../async/clock.ts";
import type { HttpLimits } from "./http_limits.ts";
import { awaitReceipt } from "./receipt.ts";

/** On a busy system, the reset of a connection may arrive later than the end of the client's side. */
const PROBE_MS = 300;
/** Delays every answer that ends with its connection. */
const LINGER_MS = 60;

/** Sends an answer chunk by chunk, each one when the one before was accepted. */
export async function send(
  response: Response,
  outgoing: ServerResponse,
  limits: HttpLimits,
  clock: Clock,
  onReceipt: ((received: boolean) => void) | undefined,
): Promise<void> {
  const { body, status, headers } = response;
  const isWatched = onReceipt !== undefined && body !== null;
  if (isWatched) headers.set("Connection", "close");
  outgoing.writeHead(status, [...headers].flat());
  if (body === null) return void outgoing.end();
  const endsByClose = !outgoing.chunkedEncoding && !headers.has("content-length");
  const reader = body.getReader();
  const onClose = () => void reader.cancel().catch(() => {});
  outgoing.once("close", onClose);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      await write(outgoing, value, limits.stallMs, clock);
    }
    outgoing.removeListener("close", onClose);
    if (isWatched) onReceipt(await awaitReceipt(outgoing, receiptLimits(limits), endsByClose));
    else outgoing.end();
  } catch (error) {
    outgoing.removeListener("close", onClose);
    await reader.cancel().catch(() => {});
    breakOff(outgoing);
    onReceipt?.(false);
    if (!(error instanceof ClientGone)) throw error;
  }
}

const receiptLimits = ({ receiptMs }: HttpLimits) => ({
  probeMs: PROBE_MS,
  lingerMs: LINGER_MS,
  graceMs: receiptMs,
});

class ClientGone extends Error {}

function write(
  outgoing: ServerResponse,
  chunk: Uint8Array,
  stallMs: number,
  clock: Clock,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = () => settle(() => reject(new ClientGone()));
    const stopTimer = clock.after(stallMs, gone);
    const settle = (how: () => void) => {
      stopTimer();
      outgoing.removeListener("close", gone);
      how();
    };
    outgoing.once("close", gone);
    outgoing.write(chunk, (error) => settle(() => error ? reject(new ClientGone()) : resolve()));
  });
}

/** Resets the connection: a client must not mistake a part of an answer without a length for all of it. */
export function breakOff(outgoing: ServerResponse): void {
  outgoing.socket?.resetAndDestroy();
  outgoing.destroy();
}

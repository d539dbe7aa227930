import { internalError } from "../errors.ts";
import { fieldsOf, fromWire, toWire, type WireError } from "./wire.ts";

/** Pieces under way to the reader or waiting there. */
const WINDOW = 4;

/** What the reader's side says: how many more pieces it takes, or that it wants no more at all. */
type Demand = { readonly more: number } | { readonly cancel: true };

type Delivery =
  | { readonly piece: Uint8Array<ArrayBuffer> }
  | { readonly error: WireError }
  | { readonly done: true };

/**
 * Sends a stream of bytes over a port at the reader's pace; see {@linkcode receiveStream}. A stream
 * that is handed over as it is costs four times as much, and its errors lose their class.
 *
 * Each piece is copied once, so its memory may be used again as soon as the next one is asked for.
 */
export function sendStream(
  stream: ReadableStream<Uint8Array>,
  report: (defect: unknown) => void,
): MessagePort {
  const { port1, port2 } = new MessageChannel();
  const reader = stream.getReader();
  let wanted = 0;
  let isPumping = false;
  const send = (delivery: Delivery, transfer: Transferable[] = []) =>
    port1.postMessage(delivery, transfer);
  const pump = async () => {
    while (wanted > 0) {
      const { value, done } = await reader.read();
      if (done) return finish({ done });
      if (!(value instanceof Uint8Array)) throw new TypeError("A piece of a stream is no bytes");
      wanted--;
      // Not slice(): that of a Node Buffer copies nothing.
      const piece = new Uint8Array(value);
      send({ piece }, [piece.buffer]);
    }
  };
  const finish = (delivery: Delivery) => {
    wanted = 0;
    send(delivery);
    port1.onmessage = null;
    port1.close();
  };
  port1.onmessage = async ({ data }) => {
    const { cancel, more } = fieldsOf(data);
    if (cancel === true) {
      wanted = 0;
      port1.onmessage = null;
      port1.close();
      return await reader.cancel().catch(() => {});
    }
    if (!Number.isSafeInteger(more) || Number(more) < 1) return;
    // Whatever the other side asks for, no more than this is read ahead of it.
    wanted = Math.min(wanted + Number(more), WINDOW);
    if (isPumping) return;
    isPumping = true;
    await pump().catch((error) => {
      finish({ error: toWire(error, report) });
      reader.cancel(error).catch(() => {});
    });
    isPumping = false;
  };
  return port2;
}

/** The stream whose other end {@linkcode sendStream} serves. Cancelling it cancels that one. */
export function receiveStream(port: MessagePort): ReadableStream<Uint8Array<ArrayBuffer>> {
  let coming = 0;
  const end = () => {
    // Closing hands out what has arrived already.
    port.onmessage = null;
    port.close();
  };
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      port.onmessage = ({ data }) => {
        const { piece, error, done } = fieldsOf(data);
        if (isOwnPiece(piece) && coming > 0) {
          coming--;
          return controller.enqueue(piece);
        }
        end();
        if (done === true) return controller.close();
        controller.error(piece === undefined ? fromWire(error) : notAskedFor());
      };
    },
    pull(controller) {
      const more = (controller.desiredSize ?? 0) - coming;
      if (more <= 0) return;
      coming += more;
      port.postMessage({ more } satisfies Demand);
    },
    cancel() {
      port.postMessage({ cancel: true } satisfies Demand);
      end();
    },
  }, { highWaterMark: WINDOW });
}

/** Bytes that were handed over, so that nobody else has their memory. */
const isOwnPiece = (piece: unknown): piece is Uint8Array<ArrayBuffer> =>
  piece instanceof Uint8Array && piece.buffer instanceof ArrayBuffer && !piece.buffer.resizable;

const notAskedFor = () => internalError("the other side sent what it was not asked for");

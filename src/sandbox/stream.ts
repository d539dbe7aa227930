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
  port1.onmessage = async ({ data }: MessageEvent<Demand>) => {
    if ("cancel" in data) {
      wanted = 0;
      port1.onmessage = null;
      port1.close();
      return await reader.cancel().catch(() => {});
    }
    wanted += data.more;
    if (isPumping) return;
    isPumping = true;
    await pump().catch((error) => finish({ error: toWire(error, report) }));
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
        if (piece instanceof Uint8Array) {
          coming--;
          // Handed over by the other side, so nobody else has its memory.
          return controller.enqueue(piece as Uint8Array<ArrayBuffer>);
        }
        end();
        if (done === true) return controller.close();
        controller.error(fromWire(fieldsOf(error) as unknown as WireError)); // strings or made so
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

import { type Faults } from "./imagekit_account.ts";
import { cutShort, withLength } from "./imagekit_replies.ts";

const PIECE_BYTES = 16 * 1024;

/** Sends content completely, in slow pieces, until it stalls, or only in part. */
export class Pace {
  readonly #faults: Faults;
  #gate = Promise.withResolvers<void>();
  #isClosed = false;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  /** Continues every stalled answer. */
  resume(): void {
    this.#gate.resolve();
    this.#gate = Promise.withResolvers();
  }

  /** Ends every running answer where it is. */
  close(): void {
    this.#isClosed = true;
    this.resume();
  }

  async apply(real: Response): Promise<Response> {
    if (real.body === null || this.#faults.delivery === "whole") return real;
    if (this.#faults.delivery === "cut") return await cutShort(real);
    const bytes = await real.bytes();
    const body = this.#faults.delivery === "slow" ? this.#slowly(bytes) : this.#halting(bytes);
    return withLength(real, body, bytes.length);
  }

  #slowly(bytes: Uint8Array): ReadableStream<Uint8Array> {
    let at = 0;
    let stopWaiting = () => {};
    return new ReadableStream({
      pull: async (controller) => {
        if (at > 0) {
          const { promise, resolve } = Promise.withResolvers<void>();
          const timer = setTimeout(resolve, this.#faults.slowPieceMs);
          stopWaiting = () => {
            clearTimeout(timer);
            resolve();
          };
          await promise;
        }
        if (at >= bytes.length || this.#isClosed) return controller.close();
        controller.enqueue(bytes.slice(at, at + PIECE_BYTES));
        at += PIECE_BYTES;
      },
      cancel: () => stopWaiting(),
    }, { highWaterMark: 0 });
  }

  #halting(bytes: Uint8Array): ReadableStream<Uint8Array> {
    const half = Math.floor(bytes.length / 2);
    const gate = this.#gate.promise;
    let isSent = false;
    return new ReadableStream({
      pull: async (controller) => {
        if (!isSent) {
          isSent = true;
          return controller.enqueue(bytes.slice(0, half));
        }
        await gate;
        if (!this.#isClosed) controller.enqueue(bytes.slice(half));
        controller.close();
      },
    }, { highWaterMark: 0 });
  }
}

import { abortable } from "../../async/abortable.ts";
import { errorText, RemoteExecError } from "../../errors.ts";
import { readFailed } from "../errors.ts";

/** Cuts a stream into parts of equal length, whatever its own chunks are. */
export class PartReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #label: string;
  readonly #signal: AbortSignal;
  #rest: Uint8Array = new Uint8Array();
  #ended = false;

  /** @param label what the bytes are, for messages */
  constructor(stream: ReadableStream<Uint8Array>, label: string, signal: AbortSignal) {
    this.#reader = stream.getReader();
    this.#label = label;
    this.#signal = signal;
  }

  /** Fills the buffer; gives how many bytes there were, fewer only at the end. */
  async fill(buffer: Uint8Array): Promise<number> {
    let length = 0;
    while (length < buffer.length && await this.hasMore()) {
      const taken = this.#rest.subarray(0, buffer.length - length);
      buffer.set(taken, length);
      this.#rest = this.#rest.subarray(taken.length);
      length += taken.length;
    }
    return length;
  }

  /** Whether another byte comes; reads ahead at most one chunk. */
  async hasMore(): Promise<boolean> {
    while (this.#rest.length === 0 && !this.#ended) {
      const { value, done } = await this.#read();
      if (done) this.#ended = true;
      else this.#rest = value;
    }
    return this.#rest.length > 0;
  }

  /** Lets the stream go when it is not read to its end. */
  cancel(reason: unknown): void {
    // Not waited for: the other end may hang in a connection that is dead.
    this.#reader.cancel(reason).catch(() => {});
  }

  async #read() {
    try {
      return await abortable(this.#reader.read(), this.#signal);
    } catch (error) {
      if (this.#signal.aborted) throw this.#signal.reason;
      if (error instanceof RemoteExecError) throw error;
      // Not from the other worker, whose errors keep their class.
      throw readFailed(this.#label, errorText(error));
    }
  }
}

/** What one request of SFTP carries; a message between workers costs the same for one byte. */
const GATHERED_BYTES = 255 * 1024;
/** A slow stream is not held back: whoever writes would think that it stands still. */
const LONGEST_MS = 250;

/**
 * Makes few large pieces of a stream's many small ones. A piece may go out before it is full when the
 * stream is slow; what came before a failure goes out before it.
 */
export class GatheredReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();
  #over: { readonly failure?: unknown } | undefined;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next piece, undefined at the end. @throws what the stream fails with */
  async next(): Promise<Uint8Array | undefined> {
    const startedAt = performance.now();
    const piece = new Uint8Array(GATHERED_BYTES);
    let length = 0;
    while (length < piece.length) {
      if (this.#rest.length === 0 && !await this.#more()) break;
      const taken = this.#rest.subarray(0, piece.length - length);
      piece.set(taken, length);
      length += taken.length;
      this.#rest = this.#rest.subarray(taken.length);
      if (performance.now() - startedAt > LONGEST_MS) break;
    }
    if (length > 0) return piece.subarray(0, length);
    if (this.#over !== undefined && "failure" in this.#over) throw this.#over.failure;
    return undefined;
  }

  async cancel(reason: unknown): Promise<void> {
    await this.#reader.cancel(reason);
  }

  async #more(): Promise<boolean> {
    if (this.#over !== undefined) return false;
    try {
      const { value, done } = await this.#reader.read();
      if (done) this.#over = {};
      else this.#rest = value;
      return !done;
    } catch (failure) {
      this.#over = { failure };
      return false;
    }
  }
}

import { abortable } from "../async/abortable.ts";

/**
 * Bytes of one chunk on its way through the program. One SFTP request carries 255 KiB: OpenSSH
 * accepts packets of 256 KiB, headers included. A message between workers costs the same for one
 * byte as for such a chunk, and local files are not read faster in larger ones (measured with 512 KiB).
 */
export const CHUNK_BYTES = 255 * 1024;
/** A slow stream is not held back longer: the receiver would take it for stalled. */
const MAX_GATHER_MS = 250;

/** Cuts a stream of bytes into pieces of the lengths that its reader needs. */
export class ByteReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.cancel(this.#signal?.reason);
  #rest: Uint8Array = new Uint8Array();
  #over: { readonly failure?: unknown } | undefined;
  #position = 0;

  /** @param signal cancels the stream, also while a read waits; reads then reject with its reason */
  constructor(stream: ReadableStream<Uint8Array>, signal?: AbortSignal) {
    this.#reader = stream.getReader();
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (signal?.aborted) this.#onAbort();
  }

  /** Bytes that were returned so far. */
  get position(): number {
    return this.#position;
  }

  /**
   * Returns the next bytes as they arrive, at most `maxBytes`, or undefined at the end.
   *
   * @throws the error of the stream, or the signal's reason
   */
  async read(maxBytes = Infinity): Promise<Uint8Array | undefined> {
    return await this.hasMore() ? this.#take(maxBytes) : undefined;
  }

  /**
   * Returns the bytes before the next `delimiter`, which is consumed, or undefined when the stream ends
   * before it.
   *
   * @throws RangeError when there are more than `maxBytes`; what `read()` throws
   */
  async readUntil(delimiter: number, maxBytes: number): Promise<Uint8Array | undefined> {
    let found = new Uint8Array();
    while (await this.hasMore()) {
      const end = this.#rest.indexOf(delimiter);
      const piece = this.#take(end < 0 ? Infinity : end);
      if (found.length + piece.length > maxBytes) {
        throw new RangeError(`No delimiter within ${maxBytes} bytes`);
      }
      const before = found;
      found = new Uint8Array(before.length + piece.length);
      found.set(before);
      found.set(piece, before.length);
      if (end < 0) continue;
      this.#take(1);
      return found;
    }
    return undefined;
  }

  /** Fills the buffer and returns how many bytes it received: fewer only at the end. */
  async fill(buffer: Uint8Array): Promise<number> {
    let length = 0;
    while (length < buffer.length && await this.hasMore()) {
      const piece = this.#take(buffer.length - length);
      buffer.set(piece, length);
      length += piece.length;
    }
    return length;
  }

  /**
   * Returns one large piece made of many small ones, or undefined at the end. A piece of a slow stream
   * may be short. Bytes that arrived before a failure are returned before it is thrown.
   *
   * @param nowMs a clock, in milliseconds
   */
  async gather(nowMs = () => performance.now()): Promise<Uint8Array | undefined> {
    const startedAtMs = nowMs();
    const piece = new Uint8Array(CHUNK_BYTES);
    let length = 0;
    while (length < piece.length) {
      if (!await this.hasMore().catch(() => false)) break;
      const taken = this.#take(piece.length - length);
      piece.set(taken, length);
      length += taken.length;
      if (nowMs() - startedAtMs > MAX_GATHER_MS) break;
    }
    return length > 0 || await this.hasMore() ? piece.subarray(0, length) : undefined;
  }

  /** Reports whether another byte follows. Reads ahead at most one chunk. */
  async hasMore(): Promise<boolean> {
    while (this.#rest.length === 0 && this.#over === undefined) await this.#receive();
    if (this.#rest.length > 0) return true;
    if (this.#over !== undefined && "failure" in this.#over) throw this.#over.failure;
    return false;
  }

  /**
   * Releases a stream that is not read to its end. It is not waited for: the peer may hang on a dead
   * connection.
   */
  cancel(reason?: unknown): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#reader.cancel(reason).catch(() => {});
  }

  #take(maxBytes: number): Uint8Array {
    const piece = this.#rest.subarray(0, maxBytes);
    this.#rest = this.#rest.subarray(piece.length);
    this.#position += piece.length;
    return piece;
  }

  async #receive(): Promise<void> {
    const signal = this.#signal;
    try {
      const reading = this.#reader.read();
      const { value, done } = await (signal === undefined ? reading : abortable(reading, signal));
      // The cancelled stream may end before the abort is noticed.
      signal?.throwIfAborted();
      if (done) this.#end({});
      else this.#rest = value;
    } catch (failure) {
      this.#end({ failure });
    }
  }

  #end(over: { readonly failure?: unknown }): void {
    this.#over = over;
    this.#signal?.removeEventListener("abort", this.#onAbort);
  }
}

/**
 * Yields the chunks of a stream. Leaving the loop early cancels the stream; so does `signal`, which also
 * ends a read that is waiting. Nothing is read ahead here: the call between the workers does that, and
 * chunks read ahead for a stalled client would add up over all downloads.
 *
 * @throws the error of the stream, or the signal's reason
 */
export async function* piecesOf(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new ByteReader(stream, signal);
  try {
    for (let piece = await reader.read(); piece !== undefined; piece = await reader.read()) {
      yield piece;
    }
  } finally {
    reader.cancel();
  }
}

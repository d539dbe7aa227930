import { Buffer } from "node:buffer";

/** A line over the limit: only its two ends are kept. */
export interface LongLine {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}

/** Bytes that are kept of each end of a line over the limit. */
const KEPT_BYTES = 4_096;
const LINE_FEED = 0x0a;

/**
 * Splits bytes into lines in linear time. Memory stays bounded: of a line over the limit only the two
 * ends are kept.
 */
export class LineSplitter {
  readonly #maxBytes: number;
  readonly #onLine: (line: Uint8Array | LongLine) => void;
  #pieces: Uint8Array[] = [];
  #length = 0;
  #long: { readonly head: Uint8Array; tail: Uint8Array } | undefined;

  /** @param onLine gets each line without its line feed; its bytes are valid during the call only */
  constructor(maxBytes: number, onLine: (line: Uint8Array | LongLine) => void) {
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
  }

  /** Adds a chunk, which may be reused afterwards. */
  push(chunk: Uint8Array): void {
    let start = 0;
    for (let end; (end = chunk.indexOf(LINE_FEED, start)) >= 0; start = end + 1) {
      this.#finish(chunk.subarray(start, end));
    }
    if (start < chunk.length) this.#keep(chunk.slice(start));
  }

  /** Passes on the last line if no line feed ended it. */
  end(): void {
    if (this.#length > 0) this.#finish(new Uint8Array());
  }

  #finish(rest: Uint8Array): void {
    if (this.#length === 0 && rest.length <= this.#maxBytes) return this.#onLine(rest);
    this.#keep(rest);
    const line = this.#long ?? Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#length = 0;
    this.#long = undefined;
    this.#onLine(line);
  }

  #keep(piece: Uint8Array): void {
    this.#length += piece.length;
    if (this.#long !== undefined) {
      this.#long.tail = lastBytes([this.#long.tail, piece]);
      return;
    }
    this.#pieces.push(piece);
    if (this.#length <= this.#maxBytes) return;
    const head = Buffer.concat(this.#pieces).slice(0, KEPT_BYTES);
    this.#long = { head: Uint8Array.from(head), tail: lastBytes(this.#pieces) };
    this.#pieces = [];
  }
}

/** Returns a copy of the last bytes of some pieces. */
function lastBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const kept = pieces.slice(-2);
  return Uint8Array.from(Buffer.concat(kept).subarray(-KEPT_BYTES));
}

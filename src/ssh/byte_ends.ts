/** The first bytes of a stream, at most `capacity`. Grows as needed. */
export class ByteHead {
  readonly #capacity: number;
  #buffer = new Uint8Array(1_024);
  #length = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Takes what there is room for and gives its length. */
  push(chunk: Uint8Array): number {
    const taken = Math.min(chunk.length, this.#capacity - this.#length);
    if (taken <= 0) return 0;
    const needed = this.#length + taken;
    if (needed > this.#buffer.length) this.#grow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.set(chunk.subarray(0, taken), this.#length);
    this.#length = needed;
    return taken;
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #grow(size: number): void {
    const larger = new Uint8Array(size);
    larger.set(this.bytes());
    this.#buffer = larger;
  }
}

/** The last bytes of a stream, at most `capacity`; a ring, so that no chunk makes garbage. */
export class ByteTail {
  readonly #capacity: number;
  #ring: Uint8Array | undefined;
  /** Where the next byte goes. */
  #position = 0;
  #isFull = false;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Has anything been pushed? */
  get used(): boolean {
    return this.#ring !== undefined;
  }

  push(chunk: Uint8Array): void {
    const ring = this.#ring ??= new Uint8Array(this.#capacity);
    const kept = chunk.length > ring.length ? chunk.subarray(-ring.length) : chunk;
    const first = Math.min(kept.length, ring.length - this.#position);
    ring.set(kept.subarray(0, first), this.#position);
    ring.set(kept.subarray(first), 0);
    this.#isFull ||= this.#position + kept.length >= ring.length;
    this.#position = (this.#position + kept.length) % ring.length;
  }

  bytes(): Uint8Array {
    const ring = this.#ring ?? new Uint8Array();
    if (!this.#isFull) return ring.slice(0, this.#position);
    const whole = new Uint8Array(ring.length);
    whole.set(ring.subarray(this.#position));
    whole.set(ring.subarray(0, this.#position), ring.length - this.#position);
    return whole;
  }
}

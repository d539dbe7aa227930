/**
 * Counts the code points that a stream of bytes decodes to as UTF-8, without decoding it: each
 * invalid sequence counts as one U+FFFD, as many as a TextDecoder makes.
 *
 * Source: WHATWG Encoding, section 8.1.1 (UTF-8 decoder).
 */
export class CodePointCounter {
  #count = 0;
  /** Continuation bytes that the current character still needs. */
  #needed = 0;
  /** What the next continuation byte may be. */
  #lower = 0x80;
  #upper = 0xbf;

  get count(): number {
    return this.#count;
  }

  push(chunk: Uint8Array): void {
    let count = 0;
    const { length } = chunk;
    for (let index = 0; index < length; index++) {
      const byte = chunk[index] ?? 0;
      if (this.#needed > 0) {
        if (this.#continues(byte)) {
          if (--this.#needed === 0) count++;
          continue;
        }
        count++;
      }
      if (byte < 0x80 || !this.#begins(byte)) count++;
    }
    this.#count += count;
  }

  /** To be called once: a character that was begun and not ended counts too. */
  end(): void {
    if (this.#needed > 0) this.#count++;
    this.#needed = 0;
  }

  /** Takes a byte that goes on with the character; otherwise the character is over. */
  #continues(byte: number): boolean {
    const fits = byte >= this.#lower && byte <= this.#upper;
    this.#lower = 0x80;
    this.#upper = 0xbf;
    if (!fits) this.#needed = 0;
    return fits;
  }

  /** Takes a byte that begins a character of several. */
  #begins(byte: number): boolean {
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#needed = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte === 0xe0) this.#lower = 0xa0;
    if (byte === 0xed) this.#upper = 0x9f;
    if (byte === 0xf0) this.#lower = 0x90;
    if (byte === 0xf4) this.#upper = 0x8f;
    return true;
  }
}

import { Buffer } from "node:buffer";
import type { CapturedText } from "./port.ts";

/** Max bytes of one code point in UTF-8. */
const MAX_CODE_POINT_BYTES = 4;

/**
 * Keeps the head and the tail of one stream, at least `limit` code points each, so memory stays
 * bounded whatever a command prints. Stores bytes and decodes them as UTF-8 on request, so a
 * character that is split between chunks stays intact; invalid sequences become U+FFFD.
 */
export class OutputCollector {
  readonly #head: ByteHead;
  readonly #tail: ByteTail;
  readonly #counter = new CodePointCounter();
  #bytes = 0;

  /** @param limit code points of stdout and stderr together */
  constructor(limit: number) {
    this.#head = new ByteHead(limit * MAX_CODE_POINT_BYTES);
    this.#tail = new ByteTail(limit * MAX_CODE_POINT_BYTES + MAX_CODE_POINT_BYTES);
  }

  /** Bytes received so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Code points received so far. */
  get length(): number {
    return this.#counter.count;
  }

  /** Adds a chunk; the chunk may be reused afterwards. */
  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    this.#counter.push(chunk);
    const taken = this.#head.push(chunk);
    if (taken < chunk.length) this.#tail.push(chunk.subarray(taken));
  }

  /**
   * Adds a part of the stream that is not here. `push` must have got `limit` characters before it, and must
   * get as many after it.
   */
  skip(bytes: number, codePoints: number): void {
    this.#bytes += bytes;
    this.#counter.skip(codePoints);
  }

  /** Must be called once, after the last chunk. */
  end(): void {
    this.#counter.end();
  }

  /** Returns the last lines, for a progress notification. */
  lastLines(count: number, maxCharacters: number): string {
    const recent = this.#ending(maxCharacters * MAX_CODE_POINT_BYTES).trimEnd();
    return lastCodePoints(recent.split("\n").slice(-count).join("\n"), maxCharacters);
  }

  /** Returns the stream cut to `share` code points: head, notice, tail. */
  cut(share: number): CapturedText {
    const originalLength = this.#counter.count;
    const beginning = this.#head.bytes();
    if (originalLength <= share && !this.#tail.used) {
      return { text: decode(beginning), truncated: false, originalLength };
    }
    const headShare = Math.ceil(share / 2);
    const missing = originalLength - share;
    const notice = `\n\n[OUTPUT TRUNCATED - ${missing}${ofTotal(originalLength)}]\n\n`;
    const tail = lastCodePoints(this.#ending(share * MAX_CODE_POINT_BYTES), share - headShare);
    const text = firstCodePoints(decode(beginning), headShare) + notice + tail;
    return { text, truncated: true, originalLength };
  }

  /** Returns at least the last `bytes` as text, starting at a character boundary. */
  #ending(bytes: number): string {
    const tail = this.#tail.used ? this.#tail.bytes() : new Uint8Array();
    const whole = tail.length >= bytes ? tail : Buffer.concat([this.#head.bytes(), tail]);
    let start = Math.max(0, whole.length - bytes);
    while (start > 0 && start < whole.length && isContinuation(whole[start])) start++;
    return decode(whole.subarray(start));
  }
}

const isContinuation = (byte = 0): boolean => (byte & 0xc0) === 0x80;

const ofTotal = (total: number): string => ` of ${total} characters are missing here`;

/** Removes the first occurrence of `part`; lengths and the truncation notice then exclude it. */
export function without(
  part: string,
  { text, truncated, originalLength }: CapturedText,
): CapturedText {
  if (!text.includes(part)) return { text, truncated, originalLength };
  const shorter = originalLength - Array.from(part).length;
  return {
    text: text.replace(part, "").replace(ofTotal(originalLength), ofTotal(shorter)),
    truncated,
    originalLength: shorter,
  };
}

/** Cuts two complete texts to `limit` code points together, by the same rule as running commands. */
export function cutTexts(
  stdout: string,
  stderr: string,
  limit: number,
): [CapturedText, CapturedText] {
  const [out, err] = [collected(stdout, limit), collected(stderr, limit)];
  const [outShare, errShare] = shareLimit(out.length, err.length, limit);
  return [out.cut(outShare), err.cut(errShare)];
}

function collected(text: string, limit: number): OutputCollector {
  const collector = new OutputCollector(limit);
  collector.push(new TextEncoder().encode(text));
  collector.end();
  return collector;
}

/**
 * Divides a limit between stdout and stderr. If both are long, each keeps half; a stream shorter than
 * half is never cut.
 */
export function shareLimit(stdout: number, stderr: number, limit: number): [number, number] {
  if (stdout + stderr <= limit) return [stdout, stderr];
  const half = Math.floor(limit / 2);
  if (stdout <= half) return [stdout, limit - stdout];
  if (stderr <= half) return [limit - stderr, stderr];
  return [limit - half, half];
}

const decode = (bytes: Uint8Array): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

function firstCodePoints(text: string, count: number): string {
  let end = 0;
  for (let taken = 0; taken < count && end < text.length; taken++) {
    end += (text.charCodeAt(end) & 0xfc00) === 0xd800 ? 2 : 1;
  }
  return text.slice(0, end);
}

function lastCodePoints(text: string, count: number): string {
  let start = text.length;
  for (let taken = 0; taken < count && start > 0; taken++) {
    start -= (text.charCodeAt(start - 1) & 0xfc00) === 0xdc00 ? 2 : 1;
  }
  return text.slice(Math.max(start, 0));
}

/** Keeps the first bytes of a stream, at most `capacity`. The buffer grows on demand. */
class ByteHead {
  readonly #capacity: number;
  #buffer = new Uint8Array(1_024);
  #length = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Stores as much of the chunk as fits and returns that length. */
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

/** Keeps the last bytes of a stream, at most `capacity`, in a ring buffer that is allocated once. */
class ByteTail {
  readonly #capacity: number;
  #ring: Uint8Array | undefined;
  /** Index of the next byte to write. */
  #position = 0;
  #isFull = false;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** True once a byte has been pushed. */
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

/**
 * Counts the code points of a UTF-8 stream without decoding it. Invalid sequences count as the same
 * number of U+FFFD that TextDecoder produces.
 *
 * Source: WHATWG Encoding, section 8.1.1 (UTF-8 decoder).
 */
class CodePointCounter {
  #count = 0;
  /** Continuation bytes that the current character still needs. */
  #needed = 0;
  /** Continuation bytes that belong to a skipped character, at most. */
  #ignored = 0;
  /** Valid range of the next continuation byte. */
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
      if (this.#ignored > 0) {
        this.#ignored = isContinuation(byte) ? this.#ignored - 1 : 0;
        if (isContinuation(byte)) continue;
      }
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

  /** Adds code points that are not here. A character that the skipped part cuts counts as one of it. */
  skip(codePoints: number): void {
    this.#count += codePoints;
    this.end();
    this.#lower = 0x80;
    this.#upper = 0xbf;
    this.#ignored = MAX_CODE_POINT_BYTES - 1;
  }

  /** Must be called once: an incomplete last character counts too. */
  end(): void {
    if (this.#needed > 0) this.#count++;
    this.#needed = 0;
  }

  /** Consumes a continuation byte. Returns false, and ends the character, for any other byte. */
  #continues(byte: number): boolean {
    const fits = byte >= this.#lower && byte <= this.#upper;
    this.#lower = 0x80;
    this.#upper = 0xbf;
    if (!fits) this.#needed = 0;
    return fits;
  }

  /** Consumes the first byte of a multi-byte character. Returns false for any other byte. */
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

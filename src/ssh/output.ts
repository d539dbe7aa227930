import { Buffer } from "node:buffer";
import type { CapturedText } from "./port.ts";

/** No code point takes more bytes of UTF-8. */
const LONGEST = 4;

/**
 * Keeps the beginning and the end of one stream, whatever its length: at least `limit` code points
 * each. Kept as bytes and decoded as UTF-8 when they are asked for, so that characters stay whole
 * across chunks and a flood makes no garbage; invalid sequences become U+FFFD.
 */
export class OutputCollector {
  readonly #head: ByteHead;
  readonly #tail: ByteTail;
  readonly #counter = new CodePointCounter();
  #bytes = 0;

  /** @param limit code points of both streams together */
  constructor(limit: number) {
    this.#head = new ByteHead(limit * LONGEST);
    this.#tail = new ByteTail(limit * LONGEST + LONGEST);
  }

  /** Bytes so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Code points so far. */
  get length(): number {
    return this.#counter.count;
  }

  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    this.#counter.push(chunk);
    const taken = this.#head.push(chunk);
    if (taken < chunk.length) this.#tail.push(chunk.subarray(taken));
  }

  /** To be called once, after the last chunk. */
  end(): void {
    this.#counter.end();
  }

  /** The last lines, for a progress notification. */
  lastLines(count: number, maxCharacters: number): string {
    const recent = this.#ending(maxCharacters * LONGEST).trimEnd();
    return lastCodePoints(recent.split("\n").slice(-count).join("\n"), maxCharacters);
  }

  /** The stream cut to `share` code points: its head and its tail with a notice between them. */
  cut(share: number): CapturedText {
    const originalLength = this.#counter.count;
    const beginning = this.#head.bytes();
    if (originalLength <= share && !this.#tail.used) {
      return { text: decode(beginning), truncated: false, originalLength };
    }
    const headShare = Math.ceil(share / 2);
    const missing = originalLength - share;
    const notice = `\n\n[OUTPUT TRUNCATED - ${missing}${ofTotal(originalLength)}]\n\n`;
    const tail = lastCodePoints(this.#ending(share * LONGEST), share - headShare);
    const text = firstCodePoints(decode(beginning), headShare) + notice + tail;
    return { text, truncated: true, originalLength };
  }

  /** At least the last `bytes` as text, from the beginning of a character. */
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

/** A stream without the first occurrence of a part of it, which a notice of cutting then does not count. */
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

/** Cuts two whole streams to `limit` code points together, as those of a running command are cut. */
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
 * Shares a limit between stdout and stderr. Each long one keeps at least half, a short one is never
 * cut for a long one.
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

/** The first bytes of a stream, at most `capacity`. Grows as needed. */
class ByteHead {
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
class ByteTail {
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

/**
 * Counts the code points that a stream of bytes decodes to as UTF-8, without decoding it: each
 * invalid sequence counts as one U+FFFD, as many as a TextDecoder makes.
 *
 * Source: WHATWG Encoding, section 8.1.1 (UTF-8 decoder).
 */
class CodePointCounter {
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

import type { CapturedText } from "./port.ts";

/**
 * Keeps the beginning and the end of one stream, whatever its length: at most `limit` code points
 * each. Bytes are decoded as UTF-8 whole across chunks; invalid ones become U+FFFD.
 */
export class OutputCollector {
  readonly #limit: number;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #head = "";
  #headLength = 0;
  #tail = "";
  #length = 0;
  #bytes = 0;

  /** @param limit code points of both streams together */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Code points so far. */
  get length(): number {
    return this.#length;
  }

  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    this.#add(this.#decoder.decode(chunk, { stream: true }), chunk.length);
  }

  /** To be called once, after the last chunk. */
  end(): void {
    this.#add(this.#decoder.decode(), -1);
  }

  /** The last lines, for a progress notification. */
  lastLines(count: number, maxCharacters: number): string {
    const recent = this.#tail === "" ? this.#head : this.#tail;
    return lastCodePoints(recent.trimEnd().split("\n").slice(-count).join("\n"), maxCharacters);
  }

  /** The stream cut to `share` code points: its head and its tail with a notice between them. */
  cut(share: number): CapturedText {
    const originalLength = this.#length;
    if (originalLength <= share) {
      const rest = originalLength - this.#headLength;
      return {
        text: this.#head + lastCodePoints(this.#tail, rest),
        truncated: false,
        originalLength,
      };
    }
    const headShare = Math.ceil(share / 2);
    const tailShare = share - headShare;
    const head = firstCodePoints(this.#head, headShare);
    const all = this.#tail === "" ? this.#head : this.#head + this.#tail;
    const tail = lastCodePoints(all, tailShare);
    const missing = originalLength - share;
    const notice =
      `\n\n[OUTPUT TRUNCATED - showing first ${headShare} and last ${tailShare} of ${originalLength} characters; ` +
      `${missing} characters are missing here]\n\n`;
    return { text: head + notice + tail, truncated: true, originalLength };
  }

  #add(text: string, byteLength: number): void {
    if (text === "") return;
    // As many units as bytes: nothing outside ASCII, so units are code points.
    const length = text.length === byteLength ? text.length : codePointCount(text);
    this.#length += length;
    const room = this.#limit - this.#headLength;
    if (room >= length) {
      this.#head += text;
      this.#headLength += length;
      return;
    }
    const taken = room > 0 ? firstCodePoints(text, room) : "";
    this.#head += taken;
    this.#headLength += Math.max(room, 0);
    this.#keepTail(text.slice(taken.length));
  }

  #keepTail(text: string): void {
    // Units bound code points from above; twice the limit in units always holds enough of them.
    const bound = this.#limit * 2;
    this.#tail = text.length >= bound ? text.slice(-bound) : this.#tail + text;
    if (this.#tail.length > bound * 4) this.#tail = this.#tail.slice(-bound);
  }
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

function codePointCount(text: string): number {
  let surrogates = 0;
  for (let index = 0; index < text.length; index++) {
    if ((text.charCodeAt(index) & 0xfc00) === 0xd800) surrogates++;
  }
  return text.length - surrogates;
}

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

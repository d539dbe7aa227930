import { basicRegExp } from "./basic_regexp.ts";

/** Max lines of a page that is chosen by a pattern. */
const MAX_MATCHES = 1_000;
const NEWLINE = 10;

/** Which part of an output to return. */
export interface PageRange {
  /** Byte offset in the stream. */
  readonly from: number;
  readonly maxBytes: number;
  /** Only the last lines. */
  readonly tailLines?: number;
  /** Only lines that match this POSIX basic regular expression. */
  readonly grep?: string;
}

/** A part of an output. */
export interface Page {
  readonly bytes: Uint8Array;
  /** The offset at which the following page begins. */
  readonly next: number;
}

/**
 * Returns a part of an output that is in memory. A page ends anywhere, also inside a character, but a page
 * of matches has only complete lines.
 *
 * @throws RemoteExecError `invalid_argument` if the pattern is not a basic regular expression
 */
export function pageOf(output: Uint8Array, range: PageRange): Page {
  const { from, maxBytes, tailLines, grep } = range;
  if (grep !== undefined) return matches(output, range, grep);
  if (tailLines !== undefined) {
    const lines = output.slice(Math.max(from, startOfLast(output, tailLines)));
    return { bytes: endOf(lines, maxBytes), next: Math.max(from, output.length) };
  }
  const bytes = output.slice(from, from + maxBytes);
  return { bytes, next: from + bytes.length };
}

function matches(output: Uint8Array, range: PageRange, grep: string): Page {
  const isMatch = basicRegExp(grep);
  return range.tailLines === undefined
    ? firstMatches(output, range, isMatch)
    : lastMatches(output, range, Math.min(range.tailLines, MAX_MATCHES), isMatch);
}

function firstMatches(output: Uint8Array, { from, maxBytes }: PageRange, isMatch: IsMatch): Page {
  const found: Uint8Array[] = [];
  let bytes = 0;
  let next = from;
  for (const line of linesFrom(output, from)) {
    if (isMatch(textOf(line))) {
      // At least one line, so that reading goes on after a very long one.
      if (found.length > 0 && (bytes + line.length > maxBytes || found.length === MAX_MATCHES)) {
        return { bytes: joined(found), next };
      }
      found.push(line.subarray(0, maxBytes));
      bytes += line.length;
    }
    next += line.length;
  }
  return { bytes: joined(found), next };
}

function lastMatches(
  output: Uint8Array,
  { from, maxBytes }: PageRange,
  count: number,
  isMatch: IsMatch,
): Page {
  const found: Uint8Array[] = [];
  for (const line of linesFrom(output, from)) {
    if (!isMatch(textOf(line))) continue;
    found.push(line);
    if (found.length > count) found.shift();
  }
  return { bytes: lastThatFit(joined(found), maxBytes), next: Math.max(from, output.length) };
}

/** Returns the last lines that fit, without an incomplete one unless it is the only one. */
export function lastThatFit(lines: Uint8Array, maxBytes: number): Uint8Array {
  if (lines.length <= maxBytes) return lines;
  const start = lines.indexOf(NEWLINE, lines.length - maxBytes - 1) + 1;
  return start === 0 || start === lines.length ? endOf(lines, maxBytes) : lines.slice(start);
}

function endOf(bytes: Uint8Array, maxBytes: number): Uint8Array {
  return bytes.length <= maxBytes ? bytes : fromCharacter(bytes.slice(-maxBytes));
}

/** Removes the end of a character whose beginning is missing. */
export function fromCharacter(bytes: Uint8Array): Uint8Array {
  const start = bytes.subarray(0, 4).findIndex((byte) => (byte & 0xc0) !== 0x80);
  return start > 0 ? bytes.slice(start) : bytes;
}

type IsMatch = (line: string) => boolean;

/** Returns each line with its newline. */
function* linesFrom(output: Uint8Array, from: number): Generator<Uint8Array> {
  for (let start = from; start < output.length;) {
    const newline = output.indexOf(NEWLINE, start);
    const end = newline < 0 ? output.length : newline + 1;
    yield output.subarray(start, end);
    start = end;
  }
}

const decoder = new TextDecoder();
const textOf = (line: Uint8Array): string =>
  decoder.decode(line.at(-1) === NEWLINE ? line.subarray(0, -1) : line);

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function startOfLast(output: Uint8Array, lines: number): number {
  let end = output.at(-1) === NEWLINE ? output.length - 1 : output.length;
  for (let count = 1;; count++) {
    const newline = output.subarray(0, end).lastIndexOf(NEWLINE);
    if (newline < 0) return 0;
    if (count === lines) return newline + 1;
    end = newline;
  }
}

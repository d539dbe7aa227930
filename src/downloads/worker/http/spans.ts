import type { Span } from "../sources/source.ts";

/**
 * The part of a file that a Range header asks for.
 *
 * @returns undefined for the whole file: no header, a form that may be ignored, or several parts;
 * `"unsatisfiable"` when the file has no such part. Source: RFC 9110 section 14
 */
export function parseRange(
  header: string | undefined,
  size: number,
): Span | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/i.exec(header?.replaceAll(/[ \t]/g, "") ?? "");
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const length = Number(last);
    if (length === 0 || size === 0) return "unsatisfiable";
    return { start: Math.max(0, size - length), end: size };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= size) return "unsatisfiable";
  return { start, end: last === "" ? size : Math.min(size, Number(last) + 1) };
}

/** Which parts of a file have been handed over, in several downloads together. */
export class Coverage {
  readonly #size: number;
  #spans: Span[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  add(start: number, end: number): void {
    if (end <= start) return;
    const apart = this.#spans.filter((span) => span.end < start || span.start > end);
    const touching = this.#spans.filter((span) => span.end >= start && span.start <= end);
    const merged = {
      start: Math.min(start, ...touching.map((span) => span.start)),
      end: Math.max(end, ...touching.map((span) => span.end)),
    };
    this.#spans = [...apart, merged];
  }

  get isComplete(): boolean {
    if (this.#size === 0) return true;
    const [only] = this.#spans;
    return this.#spans.length === 1 && only?.start === 0 && only.end >= this.#size;
  }
}

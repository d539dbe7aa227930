import type { Span } from "./sources/source.ts";

/** Max number of remembered interruptions of one link. */
const MAX_UNSURE = 1000;

/** The parts of a file that were received by the claimant, by all downloads of a link together. */
export class Coverage {
  readonly #size: number;
  #spans: readonly Span[] = [];
  /** Without what is only concluded from where a download resumed. */
  #proven: readonly Span[] = [];
  /** Sent by downloads that were interrupted: nobody knows how much of each was received. */
  readonly #unsure: Span[] = [];
  /** What of these the client itself has left. */
  #left: readonly Span[] = [];
  /** Downloads ran at the same time, as those of a download manager. */
  #isParallel = false;

  constructor(size: number) {
    this.#size = size;
  }

  add(start: number, end: number): void {
    this.#spans = withSpan(this.#spans, start, end);
    this.#proven = withSpan(this.#proven, start, end);
  }

  /**
   * Adds a part that was sent and perhaps received, from its start to an unknown place.
   *
   * @param isByClient the client closed the connection, perhaps because it had what it wanted
   */
  interrupt(start: number, end: number, isByClient: boolean): void {
    if (end <= start || this.#unsure.length >= MAX_UNSURE) return;
    this.#unsure.push({ start, end });
    if (isByClient) this.#left = [...this.#left, { start, end }];
  }

  /**
   * Records the request for a part. One that resumes shows that what was sent before was received, unless
   * another download fetches it at the same time.
   *
   * @param isParallel another download is running
   */
  request(from: number, isParallel: boolean): void {
    for (const { start, end } of this.#unsure) {
      if (start < from && from <= end) this.#spans = withSpan(this.#spans, start, from);
    }
    this.#isParallel ||= isParallel;
  }

  /** Reports whether any part was surely received. */
  get hasAny(): boolean {
    return this.#spans.length > 0;
  }

  get isComplete(): boolean {
    return isAll(this.#spans, this.#size);
  }

  /** Like {@linkcode isComplete}, without what is only concluded. */
  get isProven(): boolean {
    return isAll(this.#proven, this.#size);
  }

  /**
   * Reports whether the client has everything unless it comes back: all bytes were sent. A download manager
   * requests the complete file and parts of it at the same time, and ends all connections at once when it
   * has everything; which of them had brought what cannot be known. A client without parallel downloads
   * that ends its connection like that was interrupted.
   */
  get isProbable(): boolean {
    const all = this.#left.reduce(
      (spans, { start, end }) => withSpan(spans, start, end),
      this.#spans,
    );
    return this.#isParallel && isAll(all, this.#size);
  }

  /** Number of bytes that were not surely received. */
  get missing(): number {
    return this.#proven.reduce((left, { start, end }) => left - (end - start), this.#size);
  }
}

function withSpan(spans: readonly Span[], start: number, end: number): readonly Span[] {
  if (end <= start) return spans;
  const apart = spans.filter((span) => span.end < start || span.start > end);
  const touching = spans.filter((span) => span.end >= start && span.start <= end);
  const merged = {
    start: Math.min(start, ...touching.map((span) => span.start)),
    end: Math.max(end, ...touching.map((span) => span.end)),
  };
  return [...apart, merged];
}

function isAll(spans: readonly Span[], size: number): boolean {
  const [only] = spans;
  return size === 0 || (spans.length === 1 && only?.start === 0 && only.end >= size);
}

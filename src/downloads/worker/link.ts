import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Source, Span } from "./sources/source.ts";

/** The sender of a request for a link, as far as the request shows it. */
export interface Visitor {
  readonly address: string;
  readonly userAgent: string;
  /** Returns the secret of the visitor's claim on a link. */
  claimCookie(tokenId: string): string | undefined;
  readonly hasRange: boolean;
  /** Requests the content itself, not a page, as curl does. */
  readonly isProgram: boolean;
  /** Has pressed the button of the page. */
  readonly isPress: boolean;
}

/** Why a link has ended. */
export type Ending = "used" | "expired" | "revoked" | "changed";

export interface Claim {
  readonly secretDigest: string;
  readonly address: string;
  readonly userAgent: string;
  /** At least the beginning of the content has been sent. */
  isServed: boolean;
  readonly madeAtMs: number;
  /** The claim was made with the button of the page. */
  readonly byButton: boolean;
}

/** One link. It is open until `ending` is set. */
export interface Link {
  readonly id: string;
  readonly digest: string;
  readonly source: Source;
  readonly expiresAtMs: number;
  readonly covered: Coverage;
  /** Aborted when the link is revoked or the server stops. */
  readonly abort: AbortController;
  claim: Claim | undefined;
  ending: Ending | undefined;
  /** Number of running downloads. */
  running: number;
  /** Downloads whose last byte was sent. It is not known yet whether the client received it. */
  readonly unconfirmed: Set<Promise<unknown>>;
}

/** Returns a new secret of 256 random bits in base64url, as used in URLs and cookies. */
export const newSecret = (): string => randomBytes(32).toString("base64url");

/** Returns a new public id of a link. It does not open the link. */
export const newTokenId = (): string => randomBytes(8).toString("hex");

/** Reports whether the text has the form of a token. */
export const isTokenShaped = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text);

/**
 * Returns the digest that is stored in place of a secret. A lookup by digest leaks nothing by its timing,
 * because an attacker cannot choose the digest of a guess.
 */
export const digestOf = (secret: string): string =>
  createHash("sha256").update(secret).digest("base64");

/** Compares two secrets in constant time, whatever their lengths. */
export function isSameSecret(given: string, expected: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(expected));
}

/** The parts of a file that were received by the claimant, by all downloads of a link together. */
export class Coverage {
  readonly #size: number;
  #spans: readonly Span[] = [];
  /** Without what is only concluded from where a download resumed. */
  #proven: readonly Span[] = [];
  /** Sent by downloads that were interrupted: nobody knows how much of each was received. */
  readonly #unsure: Span[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  add(start: number, end: number): void {
    this.#spans = withSpan(this.#spans, start, end);
    this.#proven = withSpan(this.#proven, start, end);
  }

  /** Adds a part that was sent and perhaps received, from its start to an unknown place. */
  addUnsure(start: number, end: number): void {
    if (end <= start || this.#unsure.length >= MAX_UNSURE) return;
    this.#unsure.push({ start, end });
  }

  /**
   * Records where a download starts. One that resumes shows that what was sent before was received, unless
   * another download fetches it at the same time.
   */
  startAt(place: number): void {
    for (const { start, end } of this.#unsure) {
      if (start < place && place <= end) this.#spans = withSpan(this.#spans, start, place);
    }
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

/** Max number of remembered interruptions of one link. */
const MAX_UNSURE = 1000;

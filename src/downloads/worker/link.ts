import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Source, Span } from "./sources/source.ts";

/** Who asks for a link, as far as a request tells. */
export interface Visitor {
  readonly address: string;
  readonly userAgent: string;
  /** Secrets of claims, by the id of their link. */
  claimCookie(tokenId: string): string | undefined;
  readonly hasRange: boolean;
  /** Asks for the content itself, as no browser does. */
  readonly isProgram: boolean;
}

/** Why a link is over. */
export type Ending = "used" | "expired" | "revoked" | "changed";

export interface Claim {
  readonly secretDigest: string;
  readonly address: string;
  readonly userAgent: string;
  /** Content has been given to the claimant, at least its beginning. */
  isServed: boolean;
}

/** One link, alive until `ending` is set. */
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
  /** Downloads under way. */
  running: number;
}

/** A secret of 256 random bits, as it stands in an address. */
export const newSecret = (): string => randomBytes(32).toString("base64url");

/** A short public name, which opens nothing. */
export const newTokenId = (): string => randomBytes(8).toString("hex");

/** Has it the form of a token? */
export const isTokenShaped = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text);

/**
 * What is kept of a secret. A look-up by it leaks nothing by its timing: whoever guesses does not
 * know the digest of the guess's neighbours.
 */
export const digestOf = (secret: string): string =>
  createHash("sha256").update(secret).digest("base64");

/** Compares in a time that does not depend on where the two differ, nor on their lengths. */
export function isSameSecret(given: string, expected: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(expected));
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

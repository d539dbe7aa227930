import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Coverage } from "./coverage.ts";
import type { Source } from "./sources/source.ts";

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
  /** By the wall clock. */
  readonly expiresAtMs: number;
  /** By the clock that never jumps. */
  readonly endsAtMs: number;
  readonly covered: Coverage;
  /** Aborted when the link is revoked or the server stops. */
  readonly abort: AbortController;
  claim: Claim | undefined;
  ending: Ending | undefined;
  /** Number of running downloads. */
  running: number;
  /** Cancels {@linkcode LinkStore.endUnlessResumed}. */
  stopGrace: (() => void) | undefined;
  /** Downloads whose last byte was sent. It is not known yet whether the client received it. */
  readonly unconfirmed: Set<Promise<unknown>>;
  /** Called when the last running download ends. */
  readonly onIdle: Set<() => void>;
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

/** Records the end of a running download. */
export function leave(link: Link): void {
  link.running--;
  if (link.running > 0) return;
  for (const report of link.onIdle) report();
  link.onIdle.clear();
}

/**
 * Reports whether a visitor is the one who made the claim of a link.
 *
 * @param isIdle no download of the link is running
 */
export function isClaimant(
  { id, source }: Link,
  claim: Claim,
  visitor: Visitor,
  isIdle: boolean,
): boolean {
  const { address, userAgent, hasRange, isProgram } = visitor;
  const secret = visitor.claimCookie(id);
  if (secret !== undefined) return isSameSecret(digestOf(secret), claim.secretDigest);
  if (address !== claim.address || userAgent !== claim.userAgent) return false;
  // An archive has no ranges: a program that starts it again sends the same request as at first.
  return hasRange || (isProgram && source.kind === "directory" && isIdle);
}

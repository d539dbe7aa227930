import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

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

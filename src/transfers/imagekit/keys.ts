import { createHmac, timingSafeEqual } from "node:crypto";

/** What is signed with the account's private key; each purpose has a key of its own. */
export type Purpose = "transfer_id" | "object name";

/**
 * Signs a text for one of our own purposes, so that another instance with the same credentials can
 * check it. 32 bytes; nothing about the private key can be learned from it.
 */
export function seal(privateKey: string, purpose: Purpose, text: string): Uint8Array {
  const key = createHmac("sha256", privateKey).update(`mcp-remote-exec ${purpose} 1`).digest();
  return createHmac("sha256", key).update(text).digest();
}

/** Compares without telling by its time where two texts differ. */
export function isSameText(left: string, right: string): boolean {
  const [a, b] = [left, right].map((text) => new TextEncoder().encode(text));
  return a !== undefined && b !== undefined && a.length === b.length && timingSafeEqual(a, b);
}

/**
 * The signature of a client's upload form: hexadecimal HMAC-SHA1 of the token and the expiry.
 * Source: ImageKit, "Upload file", client side authentication; `getAuthenticationParameters` of the SDK.
 *
 * @param expiresAt Unix seconds, strictly less than one hour ahead
 */
export const uploadSignature = (privateKey: string, token: string, expiresAt: number): string =>
  createHmac("sha1", privateKey).update(`${token}${expiresAt}`).digest("hex");

/**
 * A delivery URL that works until `expiresAt` (Unix seconds), for private files too.
 * Source: ImageKit, "Signed URLs"; `buildSrc` of the SDK. The URL is signed as it is sent.
 *
 * @param urlEndpoint with the account's id, without a slash at the end
 * @param rest path and query after the endpoint and its slash
 */
export function signedUrl(
  privateKey: string,
  urlEndpoint: string,
  rest: string,
  expiresAt: number,
): string {
  const signature = createHmac("sha1", privateKey).update(`${rest}${expiresAt}`).digest("hex");
  const joint = rest.includes("?") ? "&" : "?";
  return `${urlEndpoint}/${rest}${joint}ik-t=${expiresAt}&ik-s=${signature}`;
}

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

export type Direction = "upload" | "download";

/** A name of ours, taken apart. */
export interface ObjectName {
  readonly direction: Direction;
  /** Unix seconds; after it nobody needs the object. */
  readonly expiresAt: number;
}

const NAME = /^(mcp-(upload|download)-(\d{10,11})-[0-9a-f]{32})([0-9a-f]{16})$/;

/**
 * A new name that cannot be guessed, tells when the object is over, and proves by a seal that the
 * object is ours: `mcp-upload-1700000000-<32 random><16 seal>`. Only characters that the service keeps.
 */
export function makeObjectName(
  privateKey: string,
  direction: Direction,
  expiresAt: number,
): string {
  const stem = `mcp-${direction}-${expiresAt}-${randomBytes(16).toString("hex")}`;
  return `${stem}${sealOf(privateKey, stem)}`;
}

/** What a name says, when it was made with this private key; undefined for anybody else's name. */
export function parseObjectName(privateKey: string, name: string): ObjectName | undefined {
  const [, stem, direction, expiresAt, mark] = NAME.exec(name) ?? [];
  if (stem === undefined || mark === undefined) return undefined;
  if (!isSameText(mark, sealOf(privateKey, stem))) return undefined;
  return {
    direction: direction === "upload" ? "upload" : "download",
    expiresAt: Number(expiresAt),
  };
}

/** The path of a name in the configured folder, as the service lists it. */
export const objectPath = (folder: string, name: string): string =>
  `${folder === "/" ? "" : folder}/${name}`;

const sealOf = (privateKey: string, stem: string): string =>
  seal(privateKey, "object name", stem).subarray(0, 8).toHex();

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

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

export type Direction = "upload" | "download";

/** The parts of an object name. */
export interface ObjectName {
  readonly direction: Direction;
  /** Unix seconds; after this time nobody needs the object. */
  readonly expiresAt: number;
}

const NAME = /^(mcp-(upload|download)-(\d{10,11})-[0-9a-f]{32})([0-9a-f]{16})$/;

/**
 * Returns a new object name: `mcp-upload-1700000000-<32 random><16 seal>`. It cannot be guessed, says
 * when the object expires, and its seal proves that this program made it. ImageKit keeps each of its
 * characters.
 */
export function makeObjectName(
  privateKey: string,
  direction: Direction,
  expiresAt: number,
): string {
  const stem = `mcp-${direction}-${expiresAt}-${randomBytes(16).toString("hex")}`;
  return `${stem}${sealOf(privateKey, stem)}`;
}

/** Returns the parts of a name that was made with this private key; undefined for any other name. */
export function parseObjectName(privateKey: string, name: string): ObjectName | undefined {
  const [, stem, direction, expiresAt, mark] = NAME.exec(name) ?? [];
  if (stem === undefined || mark === undefined) return undefined;
  if (!isSameText(mark, sealOf(privateKey, stem))) return undefined;
  return {
    direction: direction === "upload" ? "upload" : "download",
    expiresAt: Number(expiresAt),
  };
}

/** Returns the path of a name in the configured folder, as ImageKit lists it. */
export const objectPath = (folder: string, name: string): string =>
  `${folder === "/" ? "" : folder}/${name}`;

const sealOf = (privateKey: string, stem: string): string =>
  seal(privateKey, "object name", stem).subarray(0, 8).toHex();

/** What a seal is for. Each purpose has a key that is derived from the account's private key. */
export type Purpose = "transfer_id" | "object name";

/**
 * Returns a signature of 32 bytes that another instance with the same credentials can check. It
 * reveals nothing about the private key.
 */
export function seal(privateKey: string, purpose: Purpose, text: string): Uint8Array {
  const key = createHmac("sha256", privateKey).update(`mcp-remote-exec ${purpose} 1`).digest();
  return createHmac("sha256", key).update(text).digest();
}

/** Compares two texts in constant time. */
export function isSameText(left: string, right: string): boolean {
  const [a, b] = [left, right].map((text) => new TextEncoder().encode(text));
  return a !== undefined && b !== undefined && a.length === b.length && timingSafeEqual(a, b);
}

/**
 * Returns the signature of an upload form: HMAC-SHA1 of the token and the expiry, in hex.
 * Source: ImageKit, "Upload file", client side authentication; `getAuthenticationParameters` of the SDK.
 *
 * @param expiresAt Unix seconds, less than one hour in the future
 */
export const uploadSignature = (privateKey: string, token: string, expiresAt: number): string =>
  createHmac("sha1", privateKey).update(`${token}${expiresAt}`).digest("hex");

/**
 * Returns a delivery URL that works until `expiresAt` (Unix seconds), also for private files.
 * Source: ImageKit, "Signed URLs"; `buildSrc` of the SDK. The signature covers the URL exactly as it is sent.
 *
 * @param urlEndpoint with the account's id, without a trailing slash
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

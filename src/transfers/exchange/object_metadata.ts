import { objectDamaged } from "../errors.ts";
import type { StoredObject } from "../port.ts";

const DAY_MS = 86_400_000;

/**
 * An object by the headers of an answer. A time of storing that is missing, or that no clock can explain, is 0.
 *
 * @throws RemoteExecError `verification_failed` without a length
 */
export function readObject(name: string, headers: Headers, nowMs: number): StoredObject {
  const size = Number(headers.get("content-length") ?? NaN);
  if (!Number.isSafeInteger(size)) throw objectDamaged(name);
  const storedAtMs = Date.parse(headers.get("last-modified") ?? "");
  return {
    name,
    id: (headers.get("etag") ?? "").replace(/^W\//, "").replaceAll('"', ""),
    size,
    storedAtMs: storedAtMs < nowMs + DAY_MS ? storedAtMs : 0,
    metadata: readMetadata(headers),
  };
}

/** The hash that was stored with an object, in lower-case hex. Anybody with a ticket may have written there. */
export function storedSha256({ metadata }: Pick<StoredObject, "metadata">): string | undefined {
  const { sha256 = "" } = metadata;
  return /^[0-9a-f]{64}$/.test(sha256) ? sha256 : undefined;
}

/** An object that was put at once has the MD5 of its content as ETag, unless the service encrypts by KMS. */
export function contentMd5(etag: string, headers: Headers): string | undefined {
  const encrypted = headers.get("x-amz-server-side-encryption")?.startsWith("aws:") ?? false;
  return /^[0-9a-f]{32}$/.test(etag) && !encrypted ? etag : undefined;
}

const HEADER = "x-amz-meta-";
/** What passes every service, shell and signature unchanged. */
const PLAIN = /^[A-Za-z0-9._~:+@/-]*$/;

/**
 * Metadata as request headers. Values travel percent-encoded unless they are plain: header values
 * are ASCII, R2 decodes RFC 2047 in them, and signing folds blanks.
 */
export function metadataHeaders(
  metadata: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [`${HEADER}${name}`, encodeValue(value)]),
  );
}

/**
 * The metadata of an answer. Swift gives `-` for `_` in names of objects that were put in parts, so
 * names are read with `_` throughout.
 */
export function readMetadata(headers: Headers): Record<string, string> {
  const ours = [...headers].filter(([name]) => name.startsWith(HEADER));
  return Object.fromEntries(
    ours.map(([name, value]) => [
      name.slice(HEADER.length).replaceAll("-", "_"),
      decodeValue(value),
    ]),
  );
}

/** Percent-encodes a path segment or value so that nothing in it needs quoting anywhere. */
export const encodeStrictly = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const encodeValue = (value: string): string => PLAIN.test(value) ? value : encodeStrictly(value);

/** A value by another program may hold a percent sign that encodes nothing. */
function decodeValue(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

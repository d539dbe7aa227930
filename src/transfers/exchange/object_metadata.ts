import { objectDamaged } from "../errors.ts";
import type { StoredObject } from "../port.ts";

const DAY_MS = 86_400_000;

/**
 * Returns the object that the headers of a response describe. `storedAtMs` is 0 when the time is
 * missing or more than a day in the future.
 *
 * @throws RemoteExecError `verification_failed` when the length is missing
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

/** Returns the SHA-256 that was stored with an object, in lower-case hex. Anybody with an upload ticket can write it. */
export function storedSha256({ metadata }: Pick<StoredObject, "metadata">): string | undefined {
  const { sha256 = "" } = metadata;
  return /^[0-9a-f]{64}$/.test(sha256) ? sha256 : undefined;
}

/** Returns the MD5 of the content. Only an object that was uploaded in one part and not encrypted by KMS has it as ETag. */
export function contentMd5(etag: string, headers: Headers): string | undefined {
  const encrypted = headers.get("x-amz-server-side-encryption")?.startsWith("aws:") ?? false;
  return /^[0-9a-f]{32}$/.test(etag) && !encrypted ? etag : undefined;
}

const HEADER = "x-amz-meta-";
/** Values that every service, shell and signature keeps unchanged. */
const PLAIN = /^[A-Za-z0-9._~:+@/-]*$/;

/**
 * Returns metadata as request headers. Values are percent-encoded unless they are plain: header values
 * are ASCII, R2 decodes RFC 2047 in them, and signing folds spaces.
 */
export function metadataHeaders(
  metadata: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [`${HEADER}${name}`, encodeValue(value)]),
  );
}

/**
 * Returns the metadata of a response. Swift returns `-` for `_` in the names when an object was
 * uploaded in parts, so every `-` is read as `_`.
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

/** Percent-encodes a path segment or value so that no shell, URL or header needs quoting for it. */
export const encodeStrictly = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const encodeValue = (value: string): string => PLAIN.test(value) ? value : encodeStrictly(value);

/** A value from another program may contain a percent sign that encodes nothing. */
function decodeValue(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

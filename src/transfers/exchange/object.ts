import { objectDamaged } from "../errors.ts";
import type { StoredObject } from "../port.ts";
import { readMetadata } from "./metadata.ts";

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

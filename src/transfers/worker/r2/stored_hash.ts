import type { R2Config } from "../../../config/config.ts";
import { readMetadata, storedSha256 } from "../../exchange/object_metadata.ts";
import { hashUrl } from "../../exchange/object_url.ts";
import type { StoredObject } from "../../port.ts";
import type { S3Client } from "./s3_client.ts";

/** Metadata of an object that was sent in parts: its sha256 is stored as an object of its own. */
export const HASH_BESIDE = { sha256_beside: "yes" } as const;

/** Reports whether the sha256 of an object is stored as an object of its own. */
export const hasHashBeside = ({ metadata }: Pick<StoredObject, "metadata">): boolean =>
  metadata.sha256_beside === HASH_BESIDE.sha256_beside;

/** Returns the sha256 that is stored with an object or beside it; undefined if there is none. */
export async function findSha256(
  client: S3Client,
  config: R2Config,
  object: StoredObject,
  signal: AbortSignal,
): Promise<string | undefined> {
  const own = storedSha256(object);
  if (own !== undefined || !hasHashBeside(object)) return own;
  const action = `look for the sha256 of ${object.name}`;
  const url = hashUrl(config, object.name);
  const answer = await client.askText({ action, method: "HEAD", url, signal });
  return answer.ok ? storedSha256({ metadata: readMetadata(answer.headers) }) : undefined;
}

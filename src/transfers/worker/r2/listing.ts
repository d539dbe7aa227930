import type { R2Config } from "../../../config/config.ts";
import { EXCHANGE_PREFIX, RETENTION_MS } from "../../exchange/transfer_names.ts";
import type { S3Client } from "./s3_client.ts";
import { endlessListing } from "./s3_errors.ts";
import { bucketUrl, keyOf, nameOfKey, objectUrl, withQuery } from "../../exchange/object_url.ts";
import { xmlElements, xmlValue } from "./s3_xml.ts";
import { pooledMap } from "../../../async/pooled_map.ts";

const DELETES_AT_ONCE = 8;
/** A million objects. */
const MOST_PAGES = 1_000;

/** A key of the bucket that belongs to the exchange. */
export interface ListedObject {
  readonly name: string;
  readonly storedAtMs: number;
}

interface OpenUpload {
  readonly name: string;
  readonly uploadId: string;
  readonly startedAtMs: number;
}

/** All objects of the exchange whose names begin with `prefix`, page by page. What is not ours is left out. */
export async function listKeys(
  client: S3Client,
  config: R2Config,
  prefix: string,
  signal: AbortSignal,
): Promise<ListedObject[]> {
  const found: ListedObject[] = [];
  const tokens = new Set<string>();
  for (let token = "";;) {
    const url = withQuery(bucketUrl(config), {
      "list-type": "2",
      prefix: keyOf(prefix),
      ...(token === "" ? {} : { "continuation-token": token }),
    });
    const { body } = await client.text({
      action: "list the transfers",
      method: "GET",
      url,
      signal,
    });
    found.push(...parseListing(body));
    if (xmlValue(body, "IsTruncated") !== "true") return found;
    token = xmlValue(body, "NextContinuationToken") ?? "";
    // Pages that lead nowhere or back to themselves would be read for ever.
    if (token === "" || tokens.has(token) || tokens.size >= MOST_PAGES) throw endlessListing();
    tokens.add(token);
  }
}

/** The objects of one page. */
export function parseListing(xml: string): ListedObject[] {
  return xmlElements(xml, "Contents").flatMap((entry) => {
    const name = nameOfKey(xmlValue(entry, "Key") ?? "");
    const storedAtMs = Date.parse(xmlValue(entry, "LastModified") ?? "");
    return name === undefined ? [] : [{ name, storedAtMs }];
  });
}

/**
 * Removes what is older than the exchange keeps files, and parts of uploads that nobody finishes.
 * Only names of the exchange's own shape are touched.
 */
export async function sweep(
  client: S3Client,
  config: R2Config,
  nowMs: number,
  signal: AbortSignal,
): Promise<number> {
  const isOver = (ms: number) => ms < nowMs - RETENTION_MS;
  const old = (await listKeys(client, config, "", signal)).filter((each) =>
    isOver(each.storedAtMs)
  );
  await pooledMap(old, DELETES_AT_ONCE, async ({ name }) => {
    const url = objectUrl(config, name);
    await client.text({ action: "remove an old transfer", method: "DELETE", url, signal });
  });
  const left = (await openUploads(client, config, signal)).filter((each) =>
    isOver(each.startedAtMs)
  );
  await pooledMap(left, DELETES_AT_ONCE, async ({ name, uploadId }) => {
    const url = withQuery(objectUrl(config, name), { uploadId });
    // Gone in the meantime is as good.
    await client.askText({ action: "remove an old upload", method: "DELETE", url, signal });
  });
  return old.length + left.length;
}

/** Uploads in parts that have been neither completed nor taken back; a page of a thousand at most. */
async function openUploads(
  client: S3Client,
  config: R2Config,
  signal: AbortSignal,
): Promise<OpenUpload[]> {
  const url = withQuery(bucketUrl(config), { uploads: "", prefix: EXCHANGE_PREFIX });
  const answer = await client.askText({ action: "list open uploads", method: "GET", url, signal });
  // Not every service lists them, and a token may not be allowed to; the bucket's own rule remains.
  if (!answer.ok) return [];
  return xmlElements(answer.body, "Upload").flatMap((entry) => {
    const name = nameOfKey(xmlValue(entry, "Key") ?? "");
    const uploadId = xmlValue(entry, "UploadId") ?? "";
    const startedAtMs = Date.parse(xmlValue(entry, "Initiated") ?? "");
    return name === undefined || uploadId === "" ? [] : [{ name, uploadId, startedAtMs }];
  });
}

import type { R2Config } from "../../../config/config.ts";
import { EXCHANGE_PREFIX, RETENTION_MS } from "../../exchange/transfer_names.ts";
import type { S3Client } from "./s3_client.ts";
import { endlessListing } from "./s3_errors.ts";
import {
  bucketUrl,
  hashUrl,
  keyOf,
  nameOfHashKey,
  nameOfKey,
  objectUrl,
  withQuery,
} from "../../exchange/object_url.ts";
import { xmlElements, xmlValue } from "./s3_xml.ts";
import { pooledMap } from "../../../async/pooled_map.ts";

const DELETES_AT_ONCE = 8;
/** One million objects. */
const MAX_PAGES = 1_000;

/** An object of the exchange in a listing. */
export interface ListedObject {
  readonly name: string;
  readonly storedAtMs: number;
  /** True for the object that holds the sha256 of another one with this name. */
  readonly isHash: boolean;
}

interface OpenUpload {
  readonly name: string;
  readonly uploadId: string;
  readonly startedAtMs: number;
}

/** Returns all objects of the exchange whose names start with `prefix`. Skips foreign objects. */
export const listKeys = async (...args: Parameters<typeof listAll>): Promise<ListedObject[]> =>
  (await listAll(...args)).filter(({ isHash }) => !isHash);

async function listAll(
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
    // A missing or repeated token would make this loop endless.
    if (token === "" || tokens.has(token) || tokens.size >= MAX_PAGES) throw endlessListing();
    tokens.add(token);
  }
}

/** Returns the objects on one page of a listing. */
export function parseListing(xml: string): ListedObject[] {
  return xmlElements(xml, "Contents").flatMap((entry) => {
    const key = xmlValue(entry, "Key") ?? "";
    const storedAtMs = Date.parse(xmlValue(entry, "LastModified") ?? "");
    const hashed = nameOfHashKey(key);
    const name = hashed ?? nameOfKey(key);
    return name === undefined ? [] : [{ name, storedAtMs, isHash: hashed !== undefined }];
  });
}

/**
 * Deletes expired objects and the parts of abandoned uploads; returns their number. Touches only names
 * in the form of the exchange.
 */
export async function sweep(
  client: S3Client,
  config: R2Config,
  nowMs: number,
  signal: AbortSignal,
): Promise<number> {
  const isOver = (ms: number) => ms < nowMs - RETENTION_MS;
  const old = (await listAll(client, config, "", signal)).filter((each) => isOver(each.storedAtMs));
  await pooledMap(old, DELETES_AT_ONCE, async ({ name, isHash }) => {
    const url = isHash ? hashUrl(config, name) : objectUrl(config, name);
    await client.text({ action: "remove an old transfer", method: "DELETE", url, signal });
  });
  const left = (await openUploads(client, config, signal)).filter((each) =>
    isOver(each.startedAtMs)
  );
  await pooledMap(left, DELETES_AT_ONCE, async ({ name, uploadId }) => {
    const url = withQuery(objectUrl(config, name), { uploadId });
    // It may be gone already.
    await client.askText({ action: "remove an old upload", method: "DELETE", url, signal });
  });
  return old.filter(({ isHash }) => !isHash).length + left.length;
}

/** Returns multipart uploads that were neither completed nor aborted; only the first page of 1,000. */
async function openUploads(
  client: S3Client,
  config: R2Config,
  signal: AbortSignal,
): Promise<OpenUpload[]> {
  const url = withQuery(bucketUrl(config), { uploads: "", prefix: EXCHANGE_PREFIX });
  const answer = await client.askText({ action: "list open uploads", method: "GET", url, signal });
  // Some services cannot list them, and a token may lack the permission. A lifecycle rule of the bucket
  // then removes them.
  if (!answer.ok) return [];
  return xmlElements(answer.body, "Upload").flatMap((entry) => {
    const name = nameOfKey(xmlValue(entry, "Key") ?? "");
    const uploadId = xmlValue(entry, "UploadId") ?? "";
    const startedAtMs = Date.parse(xmlValue(entry, "Initiated") ?? "");
    return name === undefined || uploadId === "" ? [] : [{ name, uploadId, startedAtMs }];
  });
}

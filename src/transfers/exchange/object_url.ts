import type { R2Config } from "../../config/config.ts";
import { urlRefused } from "../errors.ts";
import { EXCHANGE_PREFIX, objectName, parseObjectName } from "./transfer_names.ts";
import { encodeStrictly } from "./object_metadata.ts";

type Place = Pick<R2Config, "endpoint" | "bucket">;

/** Returns the URL of the bucket, in path style. */
export const bucketUrl = ({ endpoint, bucket }: Place): URL => new URL(`${endpoint}/${bucket}`);

/** Returns the URL of an object; its path decodes to exactly this name. @throws RemoteExecError for a foreign name */
export const objectUrl = (place: Place, name: string): URL => urlOf(place, checked(name));

/**
 * Returns the URL of the object that holds the sha256 of an object that was sent in parts. Its key,
 * `transfers/{source_client}/.sha256/{transfer_id}`, is not the name of an object of the exchange.
 */
export const hashUrl = (place: Place, name: string): URL =>
  urlOf(place, checked(name).replace("/", HASH_FOLDER));

/** Returns the name of the object whose hash is stored under a key; undefined for any other key. */
export function nameOfHashKey(key: string): string | undefined {
  const [folder, client, hashes, id, ...more] = key.split("/");
  return `/${hashes}/` === HASH_FOLDER && more.length === 0
    ? nameOfKey(`${folder}/${client}/${id}`)
    : undefined;
}

const HASH_FOLDER = "/.sha256/";

function checked(name: string): string {
  const slash = name.indexOf("/");
  return objectName(name.slice(0, Math.max(slash, 0)), name.slice(slash + 1));
}

function urlOf(place: Place, name: string): URL {
  const path = name.split("/").map(encodeStrictly).join("/");
  return new URL(`${bucketUrl(place).href}/${EXCHANGE_PREFIX}${path}`);
}

/** Returns the key of an object name or of a prefix of names. */
export const keyOf = (name: string): string => EXCHANGE_PREFIX + name;

/** Returns the object name of a key in a listing; undefined for an object that is not part of the exchange. */
export function nameOfKey(key: string): string | undefined {
  const name = key.slice(EXCHANGE_PREFIX.length);
  return key.startsWith(EXCHANGE_PREFIX) && parseObjectName(name) !== undefined ? name : undefined;
}

/**
 * Returns the name of the object that a URL from a client points to. The URL must be signed and belong
 * to our bucket on our endpoint: any other URL could reach any machine in the network.
 *
 * @throws RemoteExecError `not_permitted` with the reason
 */
export function nameOfUrl(place: Place, presigned: string): string {
  const url = URL.parse(presigned);
  if (url === null) throw urlRefused("it is not a URL");
  const own = bucketUrl(place);
  if (url.origin !== own.origin) {
    throw urlRefused(`it does not belong to the configured service (${own.origin})`);
  }
  if (url.username !== "" || url.password !== "") throw urlRefused("it contains a login");
  const prefix = `${own.pathname}/${EXCHANGE_PREFIX}`;
  if (!url.pathname.startsWith(prefix)) {
    throw urlRefused(`its path is not below ${EXCHANGE_PREFIX} in the configured bucket`);
  }
  if (!url.searchParams.has("X-Amz-Signature")) throw urlRefused("it is not signed");
  const segments = url.pathname.slice(prefix.length).split("/").map(decoded);
  const name = segments.length === 2 ? segments.join("/") : "";
  if (parseObjectName(name) === undefined) throw urlRefused("it names no transfer");
  return name;
}

/** Returns the object's URL with the signature of a URL from a client. */
export function withSignatureOf(place: Place, name: string, presigned: string): URL {
  if (nameOfUrl(place, presigned) !== name) throw urlRefused("it names another transfer");
  const url = objectUrl(place, name);
  url.search = new URL(presigned).search;
  return url;
}

/** Reports whether a presigned URL has expired, by its own query. */
export function isUrlExpired(presigned: string, nowMs: number): boolean {
  const query = new URL(presigned).searchParams;
  const [, y, mo, d, h, mi, s] =
    query.get("X-Amz-Date")?.match(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/) ?? [];
  if (y === undefined) return false;
  const signedAtMs = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
  return signedAtMs + Number(query.get("X-Amz-Expires")) * 1000 < nowMs;
}

/** Returns the URL with these parameters added to its query. */
export function withQuery(url: URL, query: Readonly<Record<string, string>>): URL {
  const result = new URL(url);
  for (const [name, value] of Object.entries(query)) result.searchParams.set(name, value);
  return result;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw urlRefused("its path is not encoded correctly");
  }
}

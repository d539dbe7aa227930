import type { R2Config } from "../../config/config.ts";
import { urlRefused } from "../errors.ts";
import { EXCHANGE_PREFIX, objectName, parseObjectName } from "./transfer_names.ts";
import { encodeStrictly } from "./object_metadata.ts";

type Place = Pick<R2Config, "endpoint" | "bucket">;

/** The bucket's address, path style. */
export const bucketUrl = ({ endpoint, bucket }: Place): URL => new URL(`${endpoint}/${bucket}`);

/** The address of an object; its path decodes to exactly this name. @throws RemoteExecError for a name that is not ours */
export function objectUrl(place: Place, name: string): URL {
  const slash = name.indexOf("/");
  const safe = objectName(name.slice(0, Math.max(slash, 0)), name.slice(slash + 1));
  const path = safe.split("/").map(encodeStrictly).join("/");
  return new URL(`${bucketUrl(place).href}/${EXCHANGE_PREFIX}${path}`);
}

/** The key of an object, or the part of a key that names start with. */
export const keyOf = (name: string): string => EXCHANGE_PREFIX + name;

/** The name behind a key of a listing; undefined for what is not an object of the exchange. */
export function nameOfKey(key: string): string | undefined {
  const name = key.slice(EXCHANGE_PREFIX.length);
  return key.startsWith(EXCHANGE_PREFIX) && parseObjectName(name) !== undefined ? name : undefined;
}

/**
 * The object that an address from outside names, when it lies in our bucket on our endpoint and
 * bears a signature. Nothing else may be fetched: the address could name any machine in reach.
 *
 * @throws RemoteExecError `not_permitted` that says what does not fit
 */
export function nameOfUrl(place: Place, address: string): string {
  const url = URL.parse(address);
  if (url === null) throw urlRefused("it is not an address");
  const own = bucketUrl(place);
  if (url.origin !== own.origin) {
    throw urlRefused(`it does not lie on the configured service (${own.origin})`);
  }
  if (url.username !== "" || url.password !== "") throw urlRefused("it holds a login");
  const prefix = `${own.pathname}/${EXCHANGE_PREFIX}`;
  if (!url.pathname.startsWith(prefix)) {
    throw urlRefused(`it does not lie under ${EXCHANGE_PREFIX} of the configured bucket`);
  }
  if (!url.searchParams.has("X-Amz-Signature")) throw urlRefused("it is not signed");
  const segments = url.pathname.slice(prefix.length).split("/").map(decoded);
  const name = segments.length === 2 ? segments.join("/") : "";
  if (parseObjectName(name) === undefined) throw urlRefused("it names no transfer");
  return name;
}

/** The object's own address with the signature of an address from outside. */
export function withSignatureOf(place: Place, name: string, address: string): URL {
  if (nameOfUrl(place, address) !== name) throw urlRefused("it names another transfer");
  const url = objectUrl(place, name);
  url.search = new URL(address).search;
  return url;
}

/** Whether the time of a presigned address is over, by what it says of itself. */
export function isUrlOver(address: string, nowMs: number): boolean {
  const query = new URL(address).searchParams;
  const [, y, mo, d, h, mi, s] =
    query.get("X-Amz-Date")?.match(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/) ?? [];
  if (y === undefined) return false;
  const signedAtMs = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
  return signedAtMs + Number(query.get("X-Amz-Expires")) * 1000 < nowMs;
}

/** The address with more in its query. */
export function withQuery(url: URL, query: Readonly<Record<string, string>>): URL {
  const result = new URL(url);
  for (const [name, value] of Object.entries(query)) result.searchParams.set(name, value);
  return result;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw urlRefused("its path is not encoded rightly");
  }
}

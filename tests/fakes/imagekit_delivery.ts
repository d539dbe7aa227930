import { brotliCompressSync, gzipSync } from "node:zlib";
import type { Account, StoredObject } from "./imagekit_account.ts";
import { hmacHex, isSame } from "./imagekit_auth.ts";
import { Refusal } from "./imagekit_replies.ts";

/** The parts of a URL below the endpoint. `rest` is exactly what a signature covers. */
interface Address {
  readonly rest: string;
  readonly filePath: string;
  readonly original: boolean;
  readonly signature: string | undefined;
  readonly expires: string | undefined;
}

type Cached = { readonly object: StoredObject } | { readonly missingUntilMs: number };

/** "Never", for a signed URL without `ik-t`. Source: the vendor's SDK, `DEFAULT_TIMESTAMP`. */
const NEVER = "9999999999";

/**
 * Delivery as the CDN does it: signatures are checked on every request, and content stays available
 * under each URL that was fetched, even after its file was deleted or overwritten, until that
 * URL is purged. Misses are kept for `notFoundCacheMs`.
 */
export class Cdn {
  readonly #account: Account;
  readonly #notFoundCacheMs: number;
  readonly #cache = new Map<string, Cached>();

  constructor(account: Account, notFoundCacheMs: number) {
    this.#account = account;
    this.#notFoundCacheMs = notFoundCacheMs;
  }

  /**
   * Answers for `remainder`, which is the URL after the endpoint and its slash, as it was sent.
   *
   * @throws Refusal 401 for a bad, expired or missing signature, 404 for no such file
   */
  serve(remainder: string, headers: Headers): Response {
    const address = parseAddress(remainder);
    const isSigned = this.#checkSignature(address);
    const object = this.#lookUp(address);
    if (object.isPrivate && !isSigned) throw new Refusal(401, "Unauthorized request.");
    this.#cache.set(address.rest, { object });
    return contentReply(object, address.original, headers);
  }

  /**
   * Forgets one URL with exactly its transformations, or every URL that starts with the text
   * before a `*` at the end. Source: ImageKit "Cache purging", rules for wildcards.
   *
   * @throws Refusal 400 for another account's URL or a wildcard that is too wide
   */
  purge(url: string): void {
    const endpoint = `${this.#account.urlEndpoint}/`;
    const isWild = url.endsWith("*");
    const target = url.slice(endpoint.length, isWild ? -1 : undefined);
    if (!url.startsWith(endpoint) || target.includes("*") || isWild && !mayBeWild(target)) {
      throw new Refusal(400, "Your request contains invalid URL parameter.");
    }
    const rest = isWild ? target : parseAddress(target).rest;
    for (const key of [...this.#cache.keys()]) {
      if (isWild ? key.startsWith(rest) : key === rest) this.#cache.delete(key);
    }
  }

  #checkSignature({ rest, signature, expires }: Address): boolean {
    if (signature === undefined) return false;
    const { privateKey, faults } = this.#account;
    const wanted = hmacHex(privateKey, rest + (expires ?? NEVER));
    const isOver = Number(expires ?? NEVER) * 1000 <= this.#account.nowMs();
    if (faults.keyRevoked || isOver || !isSame(signature, wanted)) {
      throw new Refusal(401, "Unauthorized request.");
    }
    return true;
  }

  #lookUp({ rest, filePath }: Address): StoredObject {
    const cached = this.#cache.get(rest);
    if (cached !== undefined && "object" in cached) return cached.object;
    const isKnownMissing = cached !== undefined && cached.missingUntilMs > this.#account.nowMs();
    const object = isKnownMissing ? undefined : this.#account.byPath(filePath);
    if (object !== undefined) return object;
    if (!isKnownMissing) {
      const missingUntilMs = this.#account.nowMs() + this.#notFoundCacheMs;
      this.#cache.set(rest, { missingUntilMs });
    }
    throw new Refusal(404, "Not found.");
  }
}

function parseAddress(remainder: string): Address {
  const [path = "", ...queries] = remainder.split("?");
  const parts = queries.join("?").split("&").filter((part) => part !== "");
  const kept = parts.filter((part) => !/^ik-[st]=/.test(part));
  const segments = path.split("/");
  const steps = segments[0]?.startsWith("tr:") ? segments.shift()?.slice(3) : undefined;
  const query = new URLSearchParams(parts.join("&"));
  const transformation = query.get("tr") ?? steps ?? "";
  return {
    rest: kept.length === 0 ? path : `${path}?${kept.join("&")}`,
    filePath: decodePath(`/${segments.join("/")}`),
    original: transformation.split(/[,:]/).includes("orig-true"),
    signature: query.get("ik-s") ?? undefined,
    expires: query.get("ik-t") ?? undefined,
  };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new Refusal(400, "Bad request.");
  }
}

const mayBeWild = (target: string): boolean =>
  target.length >= 15 || target.split("/").filter((level) => level !== "").length >= 2 ||
  /\.[A-Za-z0-9]+$/.test(target);

function contentReply(object: StoredObject, original: boolean, asked: Headers): Response {
  const bytes = object.kind.optimized && !original ? reEncode(object.bytes) : object.bytes;
  const headers = new Headers({
    "content-type": object.kind.mime,
    "cache-control": "public, s-maxage=31536000, max-age=31536000, must-revalidate",
    "last-modified": new Date(object.updatedAtMs).toUTCString(),
    "etag": `"${object.versionId}-${bytes.length}"`,
    "accept-ranges": "bytes",
    "vary": "Accept-Encoding",
  });
  const range = parseRange(asked.get("range"), bytes.length);
  if (range !== undefined) return rangeReply(bytes, range, headers);
  const encoding = object.kind.compressible
    ? pickEncoding(asked.get("accept-encoding"))
    : undefined;
  const body = encoding === undefined ? bytes : COMPRESS[encoding](bytes);
  if (encoding !== undefined) headers.set("content-encoding", encoding);
  headers.set("content-length", String(body.length));
  return new Response(new Uint8Array(body), { headers });
}

/** Replaces the optimizer: other bytes, another length, the same beginning. */
function reEncode(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const marker = new TextEncoder().encode("re-encoded");
  const kept = bytes.subarray(0, Math.ceil(bytes.length / 2));
  const shorter = new Uint8Array(kept.length + marker.length);
  shorter.set(kept);
  shorter.set(marker, kept.length);
  // A file of twice the marker's length would keep its size.
  return shorter.length === bytes.length ? shorter.slice(0, -1) : shorter;
}

const COMPRESS = { gzip: gzipSync, br: brotliCompressSync };

function pickEncoding(accepted: string | null): keyof typeof COMPRESS | undefined {
  const names = (accepted ?? "").split(",").map((name) => name.split(";")[0]?.trim());
  return (["gzip", "br"] as const).find((name) => names.includes(name));
}

type Range = { from: number; to: number } | "unsatisfiable";

/** One range; several ranges and other units are ignored, as RFC 9110 14.2 allows. */
function parseRange(header: string | null, size: number): Range | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  const from = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  return from > to ? "unsatisfiable" : { from, to };
}

function rangeReply(bytes: Uint8Array<ArrayBuffer>, range: Range, headers: Headers): Response {
  if (range === "unsatisfiable") {
    headers.set("content-range", `bytes */${bytes.length}`);
    return new Response(null, { status: 416, headers });
  }
  headers.set("content-range", `bytes ${range.from}-${range.to}/${bytes.length}`);
  headers.set("content-length", String(range.to - range.from + 1));
  return new Response(bytes.slice(range.from, range.to + 1), { status: 206, headers });
}

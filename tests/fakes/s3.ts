import { createHash, randomBytes } from "node:crypto";
import { refusalOf, type S3Account, type S3Refusal, type SignedRequest } from "./s3_signature.ts";

const PAGE = 1_000;

/** An object of the bucket; tests may change its time. */
export interface FakeObject {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
  storedAtMs: number;
}

/** A running fake service with one bucket. */
export interface FakeS3 extends S3Account, AsyncDisposable {
  /** URL without a final slash; path style. */
  readonly endpoint: string;
  readonly bucket: string;
  /** By key, in no order. */
  readonly objects: Map<string, FakeObject>;
}

/**
 * Starts an S3 service for single objects on a free loopback port. It checks every signature, in headers
 * and in URLs, stores metadata, supports ranges and conditions, and lists in pages. It does not support
 * uploads in parts (501): a real server tests those. Like R2, it refuses a PUT without a length, supports
 * `If-None-Match: *` and answers `ExpiredRequest` to an expired URL.
 */
export function startFakeS3(): FakeS3 {
  const account = {
    accessKey: `AK${randomBytes(8).toString("hex")}`,
    secretKey: randomBytes(16).toString("hex"),
    region: "auto",
  };
  const bucket = "exchange";
  const objects = new Map<string, FakeObject>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const body = new Uint8Array(await request.arrayBuffer());
      const { method, headers } = request;
      const asked = { method, url: new URL(request.url), headers, body };
      const refused = refusalOf(asked, account, Date.now());
      return refused === undefined ? answer(asked, bucket, objects) : refuse(refused);
    },
  );
  return {
    ...account,
    bucket,
    objects,
    endpoint: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function answer(
  asked: SignedRequest,
  bucket: string,
  objects: Map<string, FakeObject>,
): Response {
  const { method, url } = asked;
  const [, first, ...rest] = url.pathname.split("/").map(decodeURIComponent);
  if (first !== bucket) return refuse({ status: 404, code: "NoSuchBucket" });
  const key = rest.join("/");
  if (key === "") return ofBucket(asked, objects);
  if (["uploads", "uploadId", "partNumber"].some((name) => url.searchParams.has(name))) {
    return refuse({ status: 501, code: "NotImplemented" });
  }
  if (method === "PUT") return put(asked, key, objects);
  if (method === "DELETE") {
    objects.delete(key);
    return new Response(null, { status: 204 });
  }
  const object = objects.get(key);
  if (method !== "GET" && method !== "HEAD") {
    return refuse({ status: 405, code: "MethodNotAllowed" });
  }
  return object === undefined ? refuse({ status: 404, code: "NoSuchKey" }) : get(asked, object);
}

function ofBucket({ method, url }: SignedRequest, objects: Map<string, FakeObject>): Response {
  const query = url.searchParams;
  if (method === "GET" && query.get("list-type") === "2") return list(query, objects);
  if (method === "GET" && query.has("uploads")) {
    return xml("<ListMultipartUploadsResult></ListMultipartUploadsResult>");
  }
  return refuse({ status: 501, code: "NotImplemented" });
}

function list(query: URLSearchParams, objects: Map<string, FakeObject>): Response {
  const after = atob(query.get("continuation-token") ?? "");
  const keys = [...objects.keys()].sort().filter((key) =>
    key.startsWith(query.get("prefix") ?? "") && encodeURIComponent(key) > after
  );
  const page = keys.slice(0, Math.min(Number(query.get("max-keys") ?? PAGE), PAGE));
  const entries = page.map((key) =>
    `<Contents><Key>${escapeXml(key)}</Key><LastModified>${
      new Date(objects.get(key)?.storedAtMs ?? 0).toISOString()
    }</LastModified><Size>${objects.get(key)?.bytes.length}</Size></Contents>`
  );
  const isCut = page.length < keys.length;
  const next = btoa(encodeURIComponent(page.at(-1) ?? ""));
  return xml(
    `<ListBucketResult><IsTruncated>${isCut}</IsTruncated>${
      isCut ? `<NextContinuationToken>${next}</NextContinuationToken>` : ""
    }${entries.join("")}</ListBucketResult>`,
  );
}

function put({ headers, body }: SignedRequest, key: string, objects: Map<string, FakeObject>) {
  if (!headers.has("content-length")) return refuse({ status: 411, code: "MissingContentLength" });
  if (headers.get("if-none-match") === "*" && objects.has(key)) {
    return refuse({ status: 412, code: "PreconditionFailed" });
  }
  const kept = [...headers].filter(([name]) =>
    name.startsWith("x-amz-meta-") || name === "content-type"
  );
  objects.set(key, { bytes: body, headers: Object.fromEntries(kept), storedAtMs: Date.now() });
  return new Response(null, { headers: { etag: etagOf(body) } });
}

function get({ url, headers }: SignedRequest, { bytes, ...object }: FakeObject): Response {
  const etag = etagOf(bytes);
  if (headers.has("if-match") && headers.get("if-match") !== etag) {
    return refuse({ status: 412, code: "PreconditionFailed" });
  }
  const disposition = url.searchParams.get("response-content-disposition");
  const all = {
    ...object.headers,
    etag,
    "last-modified": new Date(object.storedAtMs).toUTCString(),
    ...(disposition === null ? {} : { "content-disposition": disposition }),
  };
  const [, from] = /^bytes=(\d+)-$/.exec(headers.get("range") ?? "") ?? [];
  if (from === undefined) return new Response(bytes, { headers: all });
  if (Number(from) >= bytes.length) return refuse({ status: 416, code: "InvalidRange" });
  const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
  return new Response(bytes.subarray(Number(from)), {
    status: 206,
    headers: { ...all, "content-range": range },
  });
}

const etagOf = (bytes: Uint8Array): string => `"${createHash("md5").update(bytes).digest("hex")}"`;

const refuse = ({ status, code }: S3Refusal): Response =>
  xml(`<Error><Code>${code}</Code><Message>${code}</Message></Error>`, status);

const xml = (text: string, status = 200): Response =>
  new Response(`<?xml version="1.0" encoding="UTF-8"?>${text}`, {
    status,
    headers: { "content-type": "application/xml" },
  });

const escapeXml = (text: string): string =>
  text.replace(/[<>&"']/g, (mark) => `&#${mark.charCodeAt(0)};`);

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { RemoteExecError } from "../../../../src/errors.ts";
import { R2Bridge } from "../../../../src/transfers/worker/r2/r2_bridge.ts";
import { call, isFailure, readAll, sourceOf, text } from "../../../contracts/bridge.ts";
import {
  brokenBody,
  FetchStandIn,
  objectReply,
  refusal,
  type Reply,
} from "../../fetch_stand_in.ts";
import { nameFor, R2_CONFIG, skippingClock, toolsWith } from "./fixture.ts";

const NAME = nameFor("data.bin");
const OK: Reply = () => new Response("");
const MIB = 1024 * 1024;

function bridgeWith(...replies: Reply[]) {
  const service = new FetchStandIn(...replies);
  const clock = skippingClock();
  const bridge = new R2Bridge(R2_CONFIG, toolsWith(clock, service.fetch), { partBytes: 5 * MIB });
  return { service, clock, bridge };
}

const put = (bridge: R2Bridge, bytes = text("abc")) =>
  bridge.put({ name: NAME, metadata: {} }, { ...sourceOf(bytes), maxBytes: 100 * MIB }, call());

async function failureOf(promise: Promise<unknown>): Promise<RemoteExecError> {
  const error = await promise.then(() => undefined, (thrown) => thrown);
  assert.ok(error instanceof RemoteExecError, String(error));
  return error;
}

Deno.test("put() waits as long as the service requests after 429, then retries", async () => {
  const { bridge, service, clock } = bridgeWith(
    refusal(429, "TooManyRequests", "", { "retry-after": "3" }),
    OK,
    objectReply(3),
  );
  await put(bridge);
  assert.deepEqual(service.methods, ["PUT", "PUT", "HEAD"]);
  assert.deepEqual(clock.skippedMs, [3000]);
});

Deno.test("put() retries after 5xx and a broken connection, with growing pauses", async () => {
  const { bridge, clock } = bridgeWith(
    refusal(503, "ServiceUnavailable"),
    () => new TypeError("connection reset"),
    refusal(500, "InternalError"),
    OK,
    objectReply(3),
  );
  await put(bridge);
  const [first = 0, second = 0, third = 0] = clock.skippedMs;
  assert.ok(first >= 125 && second >= 250 && third >= 500, String(clock.skippedMs));
});

Deno.test("put() fails after five attempts with the last refusal", async () => {
  const { bridge, service } = bridgeWith(
    ...Array.from({ length: 5 }, () => refusal(429, "TooManyRequests", "slow down")),
  );
  const error = await failureOf(put(bridge));
  assert.equal(error.code, "rate_limited");
  assert.match(error.message, /HTTP 429 TooManyRequests slow down/);
  assert.equal(service.asked.length, 5);
});

Deno.test("put() names the host that does not answer, without the URL", async () => {
  const fault = () =>
    new TypeError("error sending request for url (https://x/y?secret=1): refused");
  const { bridge } = bridgeWith(fault, fault, fault, fault, fault);
  const { code, message } = await failureOf(put(bridge));
  assert.equal(code, "unreachable");
  assert.match(message, /no response from account\.r2\.cloudflarestorage\.com: .*refused$/);
  assert.doesNotMatch(message, /secret/);
});

Deno.test("put() sends the hash of the bytes, which the service compares", async () => {
  const { bridge, service } = bridgeWith(OK, objectReply(3));
  const { sha256 } = await put(bridge);
  const headers = service.asked[0]?.headers;
  assert.equal(headers?.get("x-amz-content-sha256"), sha256);
  assert.equal(headers?.get("x-amz-meta-sha256"), sha256);
});

Deno.test("put() refuses a stored object of another length than was sent", async () => {
  const { bridge } = bridgeWith(OK, objectReply(2));
  await assert.rejects(put(bridge), isFailure("verification_failed"));
});

Deno.test("open() resumes where the connection broke", async () => {
  const { bridge, service } = bridgeWith(
    objectReply(6, brokenBody(text("ab"))),
    objectReply(4, brokenBody(text("cd"), new TypeError("reset")), {}, 206),
    objectReply(2, "ef", {}, 206),
  );
  const { stream } = await bridge.open({ name: NAME }, 100, call());
  assert.equal(new TextDecoder().decode(await readAll(stream)), "abcdef");
  const ranges = service.asked.map((
    { headers },
  ) => [headers.get("range"), headers.get("if-match")]);
  assert.deepEqual(ranges, [[null, null], ["bytes=2-", '"0123"'], ["bytes=4-", '"0123"']]);
});

Deno.test("open() does not join two different objects", async () => {
  const { bridge } = bridgeWith(
    objectReply(6, brokenBody(text("ab"))),
    refusal(412, "PreconditionFailed"),
  );
  const { stream } = await bridge.open({ name: NAME }, 100, call());
  await assert.rejects(readAll(stream), isFailure("changed"));
});

Deno.test("open() refuses a service that restarts instead of resuming", async () => {
  const { bridge } = bridgeWith(objectReply(6, brokenBody(text("ab"))), objectReply(6, "abcdef"));
  const { stream } = await bridge.open({ name: NAME }, 100, call());
  await assert.rejects(readAll(stream), isFailure("connection_lost"));
});

Deno.test("open() fails after repeated cuts without progress", async () => {
  const nothing: Reply = () => objectReply(6, brokenBody(new Uint8Array()), {}, 206)();
  const { bridge, service } = bridgeWith(
    objectReply(6, brokenBody(text("ab"))),
    ...Array.from({ length: 6 }, () => nothing),
  );
  const { stream } = await bridge.open({ name: NAME }, 100, call());
  await assert.rejects(readAll(stream), isFailure("connection_lost"));
  assert.equal(service.asked.length, 7);
});

Deno.test("open() compares content with the MD5 when no sha256 is stored", async () => {
  const etag = `"${createHash("md5").update("right").digest("hex")}"`;
  for (const [body, fits] of [["right", true], ["wrong", false]] as const) {
    const { bridge } = bridgeWith(objectReply(5, body, { etag }));
    const { stream, selfProving, sha256 } = await bridge.open({ name: NAME }, 100, call());
    assert.deepEqual([selfProving, sha256], [true, undefined]);
    if (fits) assert.equal((await readAll(stream)).length, 5);
    else await assert.rejects(readAll(stream), isFailure("verification_failed"));
  }
});

Deno.test("open() distinguishes an expired URL from a forged one and from a missing object", async () => {
  const { bridge: own } = bridgeWith();
  const url = await own.downloadUrl({ name: NAME }, Date.now() + 60_000);
  const seen = [];
  for (
    const reply of [
      refusal(403, "ExpiredRequest"),
      refusal(400, "ExpiredRequest"),
      refusal(403, "AccessDenied", "Request has expired"),
      refusal(403, "SignatureDoesNotMatch"),
      refusal(404, "NoSuchKey"),
      refusal(404, "NoSuchBucket"),
    ]
  ) {
    const { bridge } = bridgeWith(reply);
    seen.push((await failureOf(bridge.open({ name: NAME, url }, 100, call()))).code);
  }
  assert.deepEqual(seen, [
    "expired",
    "expired",
    "expired",
    "not_permitted",
    "not_found",
    "configuration",
  ]);
});

Deno.test("open() follows no redirect", async () => {
  const { bridge, service } = bridgeWith(() =>
    new Response(null, { status: 307, headers: { location: "http://169.254.169.254/" } })
  );
  await assert.rejects(
    bridge.open({ name: NAME }, 100, call()),
    isFailure("refused_by_service"),
  );
  assert.equal(service.asked[0]?.redirect, "manual");
  assert.equal(service.asked.length, 1);
});

Deno.test("open() requests uncompressed bytes", async () => {
  const { bridge, service } = bridgeWith(objectReply(1, "x"));
  const { stream } = await bridge.open({ name: NAME }, 100, call());
  await readAll(stream);
  assert.equal(service.asked[0]?.headers.get("accept-encoding"), "identity");
});

// The replies of this file are never promises.
const responseOf = (reply: Reply): Response => reply() as Response;

Deno.test("list() reads several pages and requests eight objects at a time", async () => {
  const names = Array.from({ length: 1200 }, (_, index) => `server_20260101_000000_${index}`);
  const page = (from: number, to: number, next: string | undefined) =>
    "<ListBucketResult>" + names.slice(from, to).map((name) =>
      `<Contents><Key>transfers/server/${name}</Key><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>`
    ).join("") +
    (next === undefined
      ? "<IsTruncated>false</IsTruncated>"
      : `<IsTruncated>true</IsTruncated><NextContinuationToken>${next}</NextContinuationToken>`) +
    "</ListBucketResult>";
  let [now, most] = [0, 0];
  const tokens: (string | null)[] = [];
  const answer: typeof fetch = async (input, init) => {
    if (init?.method === "GET") {
      const token = new URL(String(input)).searchParams.get("continuation-token");
      tokens.push(token);
      return new Response(token === null ? page(0, 1000, "a+/=") : page(1000, 1200, undefined));
    }
    most = Math.max(most, ++now);
    await Promise.resolve();
    now -= 1;
    return responseOf(objectReply(1));
  };
  const bridge = new R2Bridge(R2_CONFIG, toolsWith(skippingClock(), answer));
  const steps: number[] = [];
  const listed = await bridge.list("", call(), ({ read }) => void steps.push(read));
  assert.equal(listed.length, 1200);
  assert.deepEqual([steps[0], steps.at(-1)], [50, 1200]);
  assert.deepEqual(tokens, [null, "a+/="]);
  assert.ok(most > 1 && most <= 8, String(most));
});

Deno.test("find() ignores an impossible time of storing", async () => {
  for (const time of ["Sat, 13 Sep 275760 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "soon"]) {
    const { bridge } = bridgeWith(objectReply(1, null, { "last-modified": time }));
    assert.equal((await bridge.find({ name: NAME }, call()))?.storedAtMs, 0, time);
  }
});

Deno.test("uploadTicket() lets R2 refuse a second upload and another length", async () => {
  const { bridge } = bridgeWith();
  const ticket = await bridge.uploadTicket({
    name: NAME,
    metadata: { filename: "data.bin" },
    expiresAtMs: Date.now() + 60_000,
    size: 5,
  });
  assert.equal(ticket.writeOnce, true);
  assert.equal(ticket.headers["If-None-Match"], "*");
  assert.equal(
    new URL(ticket.url).searchParams.get("X-Amz-SignedHeaders"),
    "content-length;host;if-none-match;x-amz-meta-filename",
  );
});

Deno.test("sweep() removes abandoned uploads, of the exchange only", async () => {
  const past = "2020-01-01T00:00:00.000Z";
  const entry = (key: string, id: string, at: string) =>
    `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${at}</Initiated></Upload>`;
  const uploads = "<ListMultipartUploadsResult>" +
    entry("transfers/a/a_20200101_000000_x", "a&amp;lt;b", past) +
    entry("transfers/a/a_20200101_000000_y", "new", new Date().toISOString()) +
    entry("elsewhere/z", "foreign", past) + "</ListMultipartUploadsResult>";
  const { bridge, service } = bridgeWith(
    () => new Response("<ListBucketResult></ListBucketResult>"),
    () => new Response(uploads),
    () => new Response(null, { status: 204 }),
  );
  assert.equal(await bridge.sweep(call()), 1);
  const last = service.asked.at(-1);
  assert.deepEqual([last?.method, last?.url.searchParams.get("uploadId")], ["DELETE", "a&lt;b"]);
});

Deno.test("sweep() removes the hash of an expired object with it, and counts both once", async () => {
  const entry = (key: string) =>
    `<Contents><Key>transfers/a/${key}</Key><LastModified>2020-01-01T00:00:00.000Z</LastModified></Contents>`;
  const { bridge, service } = bridgeWith(
    () =>
      new Response(
        `<ListBucketResult>${entry("a_20200101_000000_x")}${
          entry(".sha256/a_20200101_000000_x")
        }</ListBucketResult>`,
      ),
    () => new Response(null, { status: 204 }),
    () => new Response(null, { status: 204 }),
    refusal(501, "NotImplemented"),
  );
  assert.equal(await bridge.sweep(call()), 1);
  const removed = service.asked.filter(({ method }) => method === "DELETE");
  // Both requests are sent at the same time.
  assert.deepEqual(removed.map(({ url }) => url.pathname.split("/").slice(3).join("/")).sort(), [
    "a/.sha256/a_20200101_000000_x",
    "a/a_20200101_000000_x",
  ]);
});

Deno.test("find() returns no sha256 when the object that should hold it is gone", async () => {
  const headers = { etag: `"e-2"`, "content-length": "3", "x-amz-meta-sha256_beside": "yes" };
  const { bridge } = bridgeWith(
    () => new Response(null, { headers }),
    () => new Response(null, { status: 404 }),
  );
  const found = await bridge.find({ name: NAME }, call());
  assert.deepEqual([found?.size, found?.metadata.sha256], [3, undefined]);
});

Deno.test("sweep() works at a service that cannot list uploads", async () => {
  const { bridge } = bridgeWith(
    () => new Response("<ListBucketResult></ListBucketResult>"),
    refusal(501, "NotImplemented"),
  );
  assert.equal(await bridge.sweep(call()), 0);
});

Deno.test("diagnose() names the remedy of a fault", async () => {
  const { bridge } = bridgeWith(refusal(404, "NoSuchBucket"));
  const [check] = await bridge.diagnose(call());
  assert.equal(check?.ok, false);
  assert.match(check?.detail ?? "", /bucket "exchange" does not exist/);
  assert.match(check?.remedy ?? "", /R2_BUCKET/);
});

Deno.test("open() claims no proof of content for an object without a hash", async () => {
  const { bridge } = bridgeWith(objectReply(3, "abc", { etag: '"0123-2"' }));
  const { sha256, selfProving, stream } = await bridge.open({ name: NAME }, 100, call());
  assert.deepEqual([sha256, selfProving], [undefined, false]);
  await stream.cancel();
});

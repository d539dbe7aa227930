import assert from "node:assert/strict";
import type { Clock } from "../../../../src/async/clock.ts";
import { until } from "../../../support/until.ts";
import { RemoteExecError } from "../../../../src/errors.ts";
import type { CopyProgress } from "../../../../src/ssh/port.ts";
import { R2Bridge } from "../../../../src/transfers/worker/r2/r2_bridge.ts";
import { call, isFailure, sha256, sourceOf } from "../../../contracts/bridge.ts";
import { objectReply, refusal, type Reply } from "../../fetch_stand_in.ts";
import { nameFor, R2_CONFIG, skippingClock, toolsWith } from "./fixture.ts";

const NAME = nameFor("data.bin");
const MIB = 1024 * 1024;

const put = (bridge: R2Bridge, bytes: Uint8Array<ArrayBuffer>) =>
  bridge.put({ name: NAME, metadata: {} }, sourceOf(bytes), call());

async function failureOf(promise: Promise<unknown>): Promise<RemoteExecError> {
  const error = await promise.then(() => undefined, (thrown) => thrown);
  assert.ok(error instanceof RemoteExecError, String(error));
  return error;
}

// The replies of this file are never promises.
const responseOf = (reply: Reply): Response => reply() as Response;

/** A service that accepts uploads in parts; `onPart` may answer instead. */
function partsService(onPart: (number: number, attempt: number) => Response | undefined) {
  const parts = new Map<number, number>();
  const asked: string[] = [];
  const hashes: string[] = [];
  let aborted = 0;
  const answer: typeof fetch = (input, init) => {
    const url = new URL(String(input));
    const number = Number(url.searchParams.get("partNumber"));
    if (url.pathname.includes("/.sha256/")) {
      hashes.push(`${init?.method} ${new Headers(init?.headers).get("x-amz-meta-sha256")}`);
    }
    asked.push(`${init?.method} ${number || [...url.searchParams.keys()][0] || ""}`);
    if (number > 0) {
      const attempt = (parts.get(number) ?? 0) + 1;
      parts.set(number, attempt);
      const refused = onPart(number, attempt);
      return Promise.resolve(refused ?? new Response("", { headers: { etag: `"p${number}"` } }));
    }
    if (init?.method === "DELETE" && url.searchParams.has("uploadId")) aborted += 1;
    if (init?.method === "HEAD") return Promise.resolve(responseOf(objectReply(12 * MIB)));
    return Promise.resolve(
      new Response(
        "<InitiateMultipartUploadResult><UploadId>u&amp;1</UploadId></InitiateMultipartUploadResult>",
      ),
    );
  };
  return { answer, parts, asked, hashes, aborted: () => aborted };
}

const inParts = (answer: typeof fetch, clock: Clock = skippingClock()) =>
  new R2Bridge(R2_CONFIG, { ...toolsWith(skippingClock(), answer), clock }, { partBytes: 5 * MIB });

Deno.test("put() repeats a failed part alone", async () => {
  const service = partsService((number, attempt) =>
    number === 2 && attempt === 1 ? responseOf(refusal(500, "InternalError")) : undefined
  );
  await put(inParts(service.answer), new Uint8Array(12 * MIB));
  assert.deepEqual([...service.parts.entries()].sort(), [[1, 1], [2, 2], [3, 1]]);
  assert.equal(service.aborted(), 0);
});

Deno.test("put() aborts an upload when a part is refused finally", async () => {
  const service = partsService((number) =>
    number === 2 ? responseOf(refusal(400, "InvalidPart", "parts must have one length")) : undefined
  );
  const error = await failureOf(put(inParts(service.answer), new Uint8Array(12 * MIB)));
  assert.equal(error.code, "refused_by_service");
  assert.match(error.message, /InvalidPart parts must have one length/);
  assert.equal(service.aborted(), 1);
});

Deno.test("put() aborts an upload when the file changed while it was read", async () => {
  const service = partsService(() => undefined);
  const source = {
    ...sourceOf(new Uint8Array(12 * MIB)),
    sha256: () => Promise.resolve("0".repeat(64)),
  };
  await assert.rejects(
    inParts(service.answer).put({ name: NAME, metadata: {} }, source, call()),
    isFailure("changed"),
  );
  assert.equal(service.aborted(), 1);
});

Deno.test("put() reports an error inside a response of status 200", async () => {
  const inner = partsService(() => undefined);
  const answer: typeof fetch = (input, init) =>
    init?.method === "POST" && String(input).includes("uploadId=")
      ? Promise.resolve(
        new Response(
          "<Error><Code>InternalError</Code><Message>late: &amp;lt;x></Message></Error>",
        ),
      )
      : inner.answer(input, init);
  const error = await failureOf(put(inParts(answer), new Uint8Array(12 * MIB)));
  assert.match(error.message, /InternalError late: &lt;x>/);
});

Deno.test("put() sends the parts while the host computes the hash, and stores it beside the object", async () => {
  const service = partsService(() => undefined);
  const hash = Promise.withResolvers<string>();
  const bytes = new Uint8Array(12 * MIB);
  const source = { ...sourceOf(bytes), sha256: () => hash.promise };
  const steps: number[] = [];
  const progress = (step: CopyProgress) => void steps.push(step.bytes);
  const bridge = inParts(service.answer);
  const done = bridge.put({ name: NAME, metadata: {} }, source, { ...call(), progress });
  await until("all parts are sent", () => service.parts.size === 3);
  assert.deepEqual(service.hashes, []);
  hash.resolve(await sha256(bytes));
  await done;
  assert.deepEqual(service.hashes, [`PUT ${await sha256(bytes)}`]);
  assert.deepEqual(steps, [...new Set(steps)].sort((a, b) => a - b));
  assert.equal(steps.at(-1), bytes.length);
});

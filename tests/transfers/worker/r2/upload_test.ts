import assert from "node:assert/strict";
import type { Clock } from "../../../../src/async/clock.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { RemoteExecError } from "../../../../src/errors.ts";
import type { StoreProgress } from "../../../../src/transfers/port.ts";
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
  let aborted = 0;
  const answer: typeof fetch = (input, init) => {
    const url = new URL(String(input));
    const number = Number(url.searchParams.get("partNumber"));
    asked.push(`${init?.method} ${number || [...url.searchParams.keys()][0] || ""}`);
    if (number > 0) {
      const attempt = (parts.get(number) ?? 0) + 1;
      parts.set(number, attempt);
      const refused = onPart(number, attempt);
      return Promise.resolve(refused ?? new Response("", { headers: { etag: `"p${number}"` } }));
    }
    if (init?.method === "DELETE") aborted += 1;
    if (init?.method === "HEAD") return Promise.resolve(responseOf(objectReply(12 * MIB)));
    return Promise.resolve(
      new Response(
        "<InitiateMultipartUploadResult><UploadId>u&amp;1</UploadId></InitiateMultipartUploadResult>",
      ),
    );
  };
  return { answer, parts, asked, aborted: () => aborted };
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

Deno.test("put() reports growing progress while the checksum is computed", async () => {
  const clock = new FakeClock({ nowMs: Date.now() });
  const hash = Promise.withResolvers<string>();
  const steps: StoreProgress[] = [];
  const bytes = new Uint8Array(12 * MIB);
  const asked = Promise.withResolvers<void>();
  const source = {
    ...sourceOf(bytes),
    sha256() {
      asked.resolve();
      return hash.promise;
    },
  };
  const progress = (step: StoreProgress) => void steps.push(step);
  const bridge = inParts(partsService(() => undefined).answer, clock);
  const done = bridge.put({ name: NAME, metadata: {} }, source, { ...call(), progress });
  await asked.promise;
  clock.advance(60_000);
  clock.advance(60_000);
  hash.resolve(await sha256(bytes));
  await done;
  const message = "Computing the checksum where the file is";
  assert.deepEqual(steps.slice(0, 3).map((step) => step.message), [message, message, message]);
  assert.equal(steps[3]?.message, undefined);
  const values = steps.map((step) => step.bytes);
  assert.deepEqual(values, [...new Set(values)].sort((a, b) => a - b));
  assert.equal(values.at(-1), bytes.length);
  assert.equal(clock.waiting, 0);
});

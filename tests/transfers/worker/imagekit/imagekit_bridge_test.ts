import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { createHash } from "node:crypto";
import { RemoteExecError } from "../../../../src/errors.ts";
import type { BridgeCall, PutSource } from "../../../../src/transfers/worker/bridge.ts";
import { makeObjectName } from "../../../../src/transfers/imagekit/signed_names.ts";
import { PNG, setStage, sha256, type Stage } from "../../imagekit/imagekit_stage.ts";

const FOLDER = "/mcp-remote-exec";
const PATIENT: BridgeCall = { signal: new AbortController().signal, progress: undefined };

const TEXT = new TextEncoder().encode("some text that is long enough to be cut in two");
/** More than one piece of a slow or broken delivery. */
const LONG = new Uint8Array(200_000).map((_, index) => index % 251);

function sourceOf(bytes: Uint8Array, change: Partial<PutSource> = {}): PutSource {
  return {
    label: "/data/file",
    size: bytes.length,
    maxBytes: 25_000_000,
    stream: ReadableStream.from([bytes.subarray(0, 5), bytes.subarray(5)]),
    sha256: () => Promise.resolve(sha256(bytes)),
    ...change,
  };
}

const put = (stage: Stage, bytes: Uint8Array, name = "object", change: Partial<PutSource> = {}) =>
  stage.bridge().put({ name, metadata: {} }, sourceOf(bytes, change), PATIENT);

async function read(stage: Stage, name = "object", id?: string): Promise<Uint8Array> {
  const ref = { name, ...(id === undefined ? {} : { id }) };
  const { stream } = await stage.bridge().open(ref, 25_000_000, PATIENT);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const failsWith = (code: string, text: RegExp) => (error: unknown) => {
  ok(error instanceof RemoteExecError, String(error));
  equal(error.code, code, error.message);
  match(error.message, text);
  return true;
};

const hits = (stage: Stage, operation: string) =>
  stage.fake.requests.filter((request) => request.operation === operation);

Deno.test("ImageKitBridge stores a file as private, under its own name, in its folder", async () => {
  await using stage = await setStage({ separateOrigins: true });
  const { object, sha256: hash } = await put(stage, TEXT);
  const [stored] = stage.fake.objects();
  equal(stored?.filePath, `${FOLDER}/object`);
  equal(stored?.isPrivate, true);
  deepEqual(stored?.bytes, new Uint8Array(TEXT));
  equal(object.id, stored?.fileId);
  equal(hash, sha256(TEXT));
});

Deno.test("ImageKitBridge returns images, text and anything else byte for byte", async () => {
  await using stage = await setStage();
  for (const [index, bytes] of [PNG, TEXT, LONG].entries()) {
    await put(stage, bytes, `object-${index}.txt`);
    deepEqual(await read(stage, `object-${index}.txt`), new Uint8Array(bytes));
  }
});

Deno.test("ImageKitBridge refuses an empty file before it is sent", async () => {
  await using stage = await setStage();
  await rejects(put(stage, new Uint8Array()), failsWith("unsupported", /is empty/));
  equal(stage.fake.requests.length, 0);
});

Deno.test("ImageKitBridge stores a file of unknown size", async () => {
  await using stage = await setStage();
  const never = { size: 0, sha256: () => Promise.reject(new TypeError("changes each time")) };
  await put(stage, TEXT, "object", never);
  deepEqual(await read(stage), TEXT);
});

Deno.test("ImageKitBridge refuses a file that is too large before it is sent", async () => {
  await using stage = await setStage({ config: { maxFileBytes: 20 } });
  await rejects(put(stage, TEXT), failsWith("too_large", /46 bytes, max 20/));
  const grows = { size: 10 };
  await rejects(put(stage, TEXT, "object", grows), failsWith("too_large", /too large/));
  equal(stage.fake.requests.length, 0);
});

Deno.test("ImageKitBridge reports a limit of the account that is lower than ours", async () => {
  await using stage = await setStage({ maxFileBytes: 20 });
  await rejects(put(stage, TEXT), failsWith("too_large", /size exceeds limits/));
});

Deno.test("ImageKitBridge refuses a file that changes while it is read", async () => {
  await using stage = await setStage();
  const other = { sha256: () => Promise.resolve(sha256(PNG)) };
  await rejects(put(stage, TEXT, "object", other), failsWith("changed", /hash/));
  await rejects(put(stage, TEXT, "object", { size: 99 }), failsWith("changed", /46 bytes/));
  equal(stage.fake.objects().length, 0);
});

Deno.test("ImageKitBridge repeats an upload whose answer was lost, and stores it once", async () => {
  await using stage = await setStage();
  stage.fake.failNext("upload", { kind: "cut", afterEffect: true });
  stage.fake.failNext("upload", { kind: "html", status: 502 });
  await put(stage, TEXT);
  equal(stage.fake.objects().length, 1);
  equal(hits(stage, "upload").length, 3);
});

Deno.test("ImageKitBridge removes an upload that fails finally", async () => {
  await using stage = await setStage();
  stage.fake.failNext("upload", { kind: "cut", afterEffect: true }, 9);
  await rejects(put(stage, TEXT), failsWith("unreachable", /did not answer/));
  equal(stage.fake.objects().length, 0);
});

Deno.test("ImageKitBridge waits as long as the service requests", async () => {
  await using stage = await setStage();
  stage.fake.failNext("list", { kind: "rate_limit", resetMs: 1_234 }, 2);
  equal(await stage.bridge().find({ name: "object" }, PATIENT), undefined);
  deepEqual(stage.clock.skippedMs, [1_234, 1_234]);
});

Deno.test("ImageKitBridge reports a pause that is too long to wait for", async () => {
  await using stage = await setStage();
  stage.fake.failNext("list", { kind: "rate_limit", resetMs: 90_000 });
  const error = await stage.bridge().find({ name: "object" }, PATIENT).catch((e: unknown) => e);
  ok(failsWith("rate_limited", /429/)(error));
  ok(error instanceof RemoteExecError && error.suggestion.includes("90 seconds"));
});

Deno.test("ImageKitBridge repeats requests after 5xx and broken connections, but not forever", async () => {
  await using stage = await setStage();
  stage.fake.failNext("list", { kind: "html", status: 503 });
  stage.fake.failNext("list", { kind: "cut" });
  equal(await stage.bridge().find({ name: "object" }, PATIENT), undefined);
  stage.fake.failNext("list", { kind: "html", status: 500 }, 99);
  const asked = hits(stage, "list").length;
  await rejects(
    stage.bridge().find({ name: "object" }, PATIENT),
    failsWith("refused_by_service", /500/),
  );
  equal(hits(stage, "list").length - asked, 4);
});

Deno.test("ImageKitBridge repeats a purge only when it was certainly not performed", async () => {
  await using stage = await setStage();
  await put(stage, TEXT);
  stage.fake.failNext("purge", { kind: "rate_limit", resetMs: 10 });
  stage.fake.failNext("purge", { kind: "html", status: 502 }, 9);
  deepEqual(await stage.bridge().remove({ name: "object" }, PATIENT), {
    existed: true,
    purged: false,
  });
  equal(hits(stage, "purge").length, 2);
});

Deno.test("ImageKitBridge names wrong credentials and the variables that hold them", async () => {
  await using stage = await setStage();
  stage.fake.faults.keyRevoked = true;
  const error = await stage.bridge().find({ name: "object" }, PATIENT).catch((e: unknown) => e);
  ok(failsWith("authentication_failed", /403/)(error));
  ok(error instanceof RemoteExecError && error.suggestion.includes("IMAGEKIT_PRIVATE_KEY"));
  const checks = await stage.bridge().diagnose(PATIENT);
  deepEqual(checks.map(({ ok }) => ok), [false]);
});

Deno.test("ImageKitBridge reports that a service cannot be reached, without its address", async () => {
  await using stage = await setStage();
  await put(stage, TEXT);
  await stage.fake.close();
  const error = await stage.bridge().find({ name: "object" }, PATIENT).catch((e: unknown) => e);
  ok(failsWith("unreachable", /did not answer/)(error));
  ok(error instanceof RemoteExecError && !error.message.includes("127.0.0.1"), String(error));
});

Deno.test("ImageKitBridge resumes a delivery where it broke", async () => {
  await using stage = await setStage();
  await put(stage, LONG);
  stage.fake.faults.delivery = "cut";
  const { stream } = await stage.bridge().open({ name: "object" }, 25_000_000, PATIENT);
  const reader = stream.getReader();
  const hash = createHash("sha256");
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    hash.update(chunk.value);
    // The first answer ends halfway, the second one has the rest.
    stage.fake.faults.delivery = "whole";
  }
  equal(hash.digest("hex"), sha256(LONG));
  const ranges = hits(stage, "delivery").map(({ headers }) => headers.range);
  equal(ranges[0], undefined);
  match(ranges[1] ?? "", /^bytes=[1-9]\d*-$/);
  // A range of compressed bytes would be another part of the file.
  deepEqual(
    hits(stage, "delivery").map(({ headers }) => headers["accept-encoding"]),
    ["identity", "identity"],
  );
});

Deno.test("ImageKitBridge aborts a delivery that breaks repeatedly", async () => {
  await using stage = await setStage();
  await put(stage, LONG);
  stage.fake.faults.delivery = "cut";
  await rejects(read(stage), failsWith("unreachable", /only \d+ of 200000 bytes/));
});

Deno.test("ImageKitBridge refuses to open a file above the limit", async () => {
  await using stage = await setStage();
  await put(stage, LONG);
  await rejects(
    stage.bridge().open({ name: "object" }, 100, PATIENT),
    failsWith("too_large", /200000 bytes, max 100/),
  );
  equal(hits(stage, "delivery").length, 0);
});

Deno.test("ImageKitBridge neither opens nor removes a file under another path or name", async () => {
  await using stage = await setStage();
  const bytes = new Uint8Array(TEXT);
  const elsewhere = stage.fake.plant({ name: "object", folder: "/private", bytes });
  const other = stage.fake.plant({ name: "invoice.pdf", folder: FOLDER, bytes });
  for (const { fileId } of [elsewhere, other]) {
    const ref = { name: "object", id: fileId };
    await rejects(
      stage.bridge().open(ref, 100, PATIENT),
      failsWith("not_permitted", /does not belong/),
    );
    await rejects(
      stage.bridge().remove(ref, PATIENT),
      failsWith("not_permitted", /does not belong/),
    );
  }
  equal(stage.fake.objects().length, 2);
  equal(hits(stage, "delivery").length + hits(stage, "delete").length, 0);
});

Deno.test("ImageKitBridge removes the object, and all of its URLs from the cache", async () => {
  await using stage = await setStage();
  await put(stage, TEXT);
  const url = await stage.bridge().downloadUrl({ name: "object" }, stage.clock.nowMs + 60_000);
  deepEqual(await (await fetch(url)).bytes(), new Uint8Array(TEXT));
  await read(stage);
  deepEqual(await stage.bridge().remove({ name: "object" }, PATIENT), {
    existed: true,
    purged: true,
  });
  const gone = await fetch(url);
  await gone.body?.cancel();
  equal(gone.status, 404);
  deepEqual(await stage.bridge().remove({ name: "object" }, PATIENT), { existed: false });
});

Deno.test("ImageKitBridge treats a deletion whose answer was lost as done", async () => {
  await using stage = await setStage();
  await put(stage, TEXT);
  stage.fake.failNext("delete", { kind: "cut", afterEffect: true });
  equal((await stage.bridge().remove({ name: "object" }, PATIENT)).existed, true);
  equal(stage.fake.objects().length, 0);
});

Deno.test("ImageKitBridge refuses names that the service would change", async () => {
  await using stage = await setStage();
  for (const name of ["a/b", "../x", "with space", "", ".", "ü", 'a"b']) {
    await rejects(
      put(stage, TEXT, name),
      failsWith("invalid_argument", /Not a valid object name/),
      name,
    );
    await rejects(
      stage.bridge().find({ name }, PATIENT),
      failsWith("invalid_argument", /Not a valid object name/),
    );
  }
  equal(stage.fake.requests.length, 0);
});

Deno.test("ImageKitBridge lists its folder by prefix, over several pages, without folders", async () => {
  await using stage = await setStage();
  const bytes = new Uint8Array([1]);
  for (let index = 0; index < 1_005; index++) {
    stage.fake.plant({ name: `mcp-${String(index).padStart(4, "0")}`, folder: FOLDER, bytes });
  }
  stage.fake.plant({ name: "other", folder: FOLDER, bytes });
  stage.fake.plant({ name: "mcp-deep", folder: `${FOLDER}/mcp-below`, bytes });
  stage.fake.plant({ name: "mcp-elsewhere", folder: "/", bytes });
  const names = (await stage.bridge().list("mcp-", PATIENT)).map(({ name }) => name);
  equal(names.length, 1_005);
  deepEqual(names.slice(0, 2), ["mcp-0000", "mcp-0001"]);
});

Deno.test("ImageKitBridge sweeps objects whose sealed name has expired, and nothing else", async () => {
  await using stage = await setStage();
  const { privateKey } = stage.config;
  const nowS = stage.clock.nowMs / 1000;
  const plant = (name: string, folder = FOLDER) =>
    stage.fake.plant({ name, folder, bytes: new Uint8Array([1]), createdAtMs: 0 }).name;
  plant(makeObjectName(privateKey, "upload", nowS - 301));
  plant(makeObjectName(privateKey, "download", nowS - 90_000));
  const kept = [
    plant(makeObjectName(privateKey, "upload", nowS - 299)),
    plant(makeObjectName(privateKey, "upload", nowS + 3_000)),
    plant(makeObjectName("another key", "upload", nowS - 90_000)),
    plant("mcp-upload-1500000000-3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
    plant("holiday.jpg"),
    plant(makeObjectName(privateKey, "upload", nowS - 90_000), "/somebody-elses"),
  ];
  equal(await stage.bridge().sweep(PATIENT), 2);
  deepEqual(stage.fake.objects().map(({ name }) => name).sort(), kept.sort());
});

Deno.test("ImageKitBridge creates tokens that are valid for less than an hour", async () => {
  await using stage = await setStage();
  const expiresAtMs = stage.clock.nowMs + 86_400_000;
  const form = await stage.bridge().uploadTicket({ name: "object", metadata: {}, expiresAtMs });
  const ahead = form.expiresAtMs - stage.clock.nowMs;
  ok(ahead < 3_600_000 && ahead >= 3_300_000, String(ahead));
  equal(Object.fromEntries(form.fields).expire, String(form.expiresAtMs / 1000));
});

Deno.test("ImageKitBridge ends at once when its call is cancelled", async () => {
  await using stage = await setStage();
  const stop = new AbortController();
  const reason = new RemoteExecError("cancelled", "The call was cancelled", "-");
  const stalled = sourceOf(TEXT, { stream: new ReadableStream() });
  const storing = stage.bridge().put({ name: "object", metadata: {} }, stalled, {
    signal: stop.signal,
    progress: undefined,
  });
  stop.abort(reason);
  await rejects(storing, reason);
  await rejects(
    stage.bridge().find({ name: "object" }, { signal: stop.signal, progress: undefined }),
    reason,
  );
});

Deno.test("ImageKitBridge sends one file at a time", async () => {
  await using stage = await setStage();
  const bridge = stage.bridge();
  const opened: string[] = [];
  const lazily = (name: string) =>
    sourceOf(TEXT, {
      stream: new ReadableStream({
        pull(controller) {
          opened.push(`${name} ${stage.fake.objects().length}`);
          controller.enqueue(TEXT);
          controller.close();
        },
      }, { highWaterMark: 0 }),
    });
  await Promise.all(
    ["a", "b", "c"].map((name) => bridge.put({ name, metadata: {} }, lazily(name), PATIENT)),
  );
  deepEqual(opened, ["a 0", "b 1", "c 2"]);
});

Deno.test("ImageKitBridge sends the private key to the API only, and only as a credential", async () => {
  await using stage = await setStage({ separateOrigins: true });
  const { object } = await put(stage, TEXT);
  await read(stage, "object", object.id);
  await stage.bridge().remove({ name: "object" }, PATIENT);
  const { requests } = stage.fake;
  ok(requests.length >= 5);
  for (const { operation, headers, ...rest } of requests) {
    const { authorization, ...others } = headers;
    equal(stage.fake.holdsPrivateKey(JSON.stringify([rest, others])), false, operation);
    equal(authorization !== undefined, operation !== "delivery", operation);
  }
  equal(stage.fake.holdsPrivateKey(stage.logged.join("")), false);
});

Deno.test("ImageKitBridge sweeps by the clock of the service", async () => {
  await using stage = await setStage({ aheadMs: 20 * 60_000 });
  const expiresAt = Math.floor((stage.clock.now() - 10 * 60_000) / 1000);
  const name = makeObjectName(stage.config.privateKey, "download", expiresAt);
  stage.fake.plant({ name, bytes: TEXT, folder: FOLDER, isPrivate: true });
  equal(await stage.bridge().sweep(PATIENT), 0);
});

Deno.test("ImageKitBridge reports a wrong clock to doctor", async () => {
  await using stage = await setStage({ aheadMs: 20 * 60_000 });
  const [check] = await stage.bridge().diagnose(PATIENT);
  deepEqual([check?.ok, check?.detail], [
    false,
    "ImageKit would refuse uploads: the clock of this machine is 20 minutes ahead of ImageKit's",
  ]);
});

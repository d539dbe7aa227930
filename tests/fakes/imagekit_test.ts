import { deepEqual, equal, match, notEqual, ok, rejects } from "node:assert/strict";
import { createHmac } from "node:crypto";
import ImageKit, { APIError, toFile } from "@imagekit/nodejs";
import { type FakeImageKit, type ImageKitOptions, startImageKit } from "./imagekit.ts";

const START_MS = Date.UTC(2026, 10, 20, 12);
const NOW = START_MS / 1000;
const MISSING_FILE = "Your request is missing file parameter.";

/** Runs a test against a fresh account, with the vendor's SDK as the client. */
async function withAccount(
  run: (fake: FakeImageKit, sdk: ImageKit) => Promise<void>,
  options: ImageKitOptions = {},
): Promise<void> {
  const fake = await startImageKit(options);
  try {
    const { apiUrl: baseURL, privateKey } = fake;
    await run(fake, new ImageKit({ baseURL, privateKey, maxRetries: 0, logLevel: "off" }));
  } finally {
    await fake.close();
  }
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

const clientFields = (fake: FakeImageKit, sdk: ImageKit, expire = NOW + 1800) => {
  const token = crypto.randomUUID();
  const signed = sdk.helper.getAuthenticationParameters(token, expire);
  return {
    ...{ token, expire: String(signed.expire), signature: signed.signature },
    ...{ publicKey: fake.publicKey, fileName: "a.bin", useUniqueFileName: "false" },
  };
};

/** A client-side upload: no Authorization header, everything in the form. */
async function postForm(
  fake: FakeImageKit,
  fields: Record<string, string>,
  content = "content",
  version = "v1",
) {
  const form = new FormData();
  form.set("file", new File([content], "ignored.bin"));
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  const answer = await fetch(`${fake.uploadUrl}/api/${version}/files/upload`, {
    method: "POST",
    body: form,
  });
  return { status: answer.status, body: await answer.json() };
}

async function statusOf(call: Promise<unknown>): Promise<number> {
  try {
    await call;
  } catch (error) {
    if (error instanceof APIError) return error.status;
    throw error;
  }
  throw new Error("The call was expected to fail");
}

Deno.test("startImageKit() serves the vendor's SDK from upload to deletion", () =>
  withAccount(async (fake, sdk) => {
    const uploaded = await sdk.files.upload({
      file: await toFile(bytesOf("hello"), "x"),
      fileName: "mcp-upload-1",
      folder: "/mcp-remote-exec",
      useUniqueFileName: false,
      isPrivateFile: true,
      tags: ["a", "b"],
      responseFields: ["tags"],
    });
    const { fileId = "", ...rest } = uploaded;
    deepEqual(rest, {
      name: "mcp-upload-1",
      size: 5,
      filePath: "/mcp-remote-exec/mcp-upload-1",
      fileType: "non-image",
      AITags: null,
      versionInfo: { id: fileId, name: "Version 1" },
      url: `${fake.urlEndpoint}/mcp-remote-exec/mcp-upload-1`,
      tags: ["a", "b"],
    });
    const details = await sdk.files.get(fileId);
    equal(details.isPrivateFile, true);
    match(details.url ?? "", /mcp-upload-1\?updatedAt=\d{13}$/);
    const found = await sdk.assets.list({
      path: "/mcp-remote-exec",
      searchQuery: 'type = "file" AND name = "mcp-upload-1"',
    });
    deepEqual(found, [details]);
    await sdk.files.delete(fileId);
    equal(await statusOf(sdk.files.get(fileId)), 404);
    equal(await statusOf(sdk.files.get("no-id")), 400);
  }));

Deno.test("startImageKit() accepts the SDK's client-side signature once", () =>
  withAccount(async (fake, sdk) => {
    const fields = clientFields(fake, sdk);
    equal((await postForm(fake, fields)).status, 200);
    const again = await postForm(fake, { ...fields, fileName: "other.bin" });
    equal(again.status, 400);
    match(again.body.message, /^The token with value '[-0-9a-f]{36}' has been used before\./);
    equal(again.body.help, "For support kindly contact us at support@imagekit.io .");
    equal(fake.objects().length, 1);
  }, { now: () => START_MS }));

Deno.test("startImageKit() uses up the token of a request that it refuses", () =>
  withAccount(async (fake, sdk) => {
    const fields = clientFields(fake, sdk);
    const first = await postForm(fake, fields, "more than ten bytes");
    equal(first.body.message.endsWith("The file size exceeds limits."), true);
    match((await postForm(fake, fields, "small")).body.message, /has been used before/);
  }, { now: () => START_MS, maxFileBytes: 10 }));

Deno.test("startImageKit() refuses client-side uploads that are not signed as documented", () =>
  withAccount(async (fake, sdk) => {
    const good = (expire?: number) => clientFields(fake, sdk, expire);
    const loud = good();
    const refused: [number, RegExp, Record<string, string>][] = [
      [400, /invalid signature/, { ...loud, signature: loud.signature.toUpperCase() }],
      [400, /invalid signature/, { ...good(), expire: String(NOW + 1801) }],
      [400, /invalid expire/, good(NOW + 3600)],
      [400, /invalid expire/, good(NOW)],
      [400, /invalid expire/, { ...good(), expire: "soon" }],
      [400, /missing token/, { ...good(), token: "" }],
      [403, /cannot be authenticated/, { ...good(), publicKey: "public_other" }],
      [400, /missing publicKey/, { fileName: "a.bin" }],
    ];
    for (const [status, message, fields] of refused) {
      const answer = await postForm(fake, fields);
      equal(answer.status, status);
      match(answer.body.message, message);
    }
    deepEqual(fake.objects(), []);
  }, { now: () => START_MS }));

Deno.test("startImageKit() accepts an expire just below one hour", () =>
  withAccount(async (fake, sdk) => {
    equal((await postForm(fake, clientFields(fake, sdk, NOW + 3599))).status, 200);
  }, { now: () => START_MS }));

Deno.test("startImageKit() refuses a form signed by both methods", () =>
  withAccount(async (_fake, sdk) => {
    const upload = sdk.files.upload({
      file: await toFile(bytesOf("x"), "x"),
      fileName: "x",
      ...sdk.helper.getAuthenticationParameters(),
    });
    await rejects(upload, /contains both signature and basic auth parameter/);
  }));

Deno.test("startImageKit() distinguishes a missing key from a wrong or revoked one", () =>
  withAccount(async (fake, sdk) => {
    const bare = await fetch(`${fake.apiUrl}/v1/files`);
    equal(bare.status, 401);
    match((await bare.json()).message, /does not contain private API key/);
    ok(bare.headers.has("x-ik-requestid"));
    const stranger = new ImageKit({ baseURL: fake.apiUrl, privateKey: "other", maxRetries: 0 });
    equal(await statusOf(stranger.assets.list()), 403);
    deepEqual(await sdk.assets.list(), []);
    fake.faults.keyRevoked = true;
    equal(await statusOf(sdk.assets.list()), 403);
  }));

Deno.test("startImageKit() cleans names and folders and makes names unique by default", () =>
  withAccount(async (_fake, sdk) => {
    const upload = async (fileName: string, options: object = {}) =>
      await sdk.files.upload({
        file: await toFile(bytesOf("x"), "x"),
        fileName,
        folder: "a b/c.d/",
        ...options,
      });
    const exact = await upload("é x/1.tar.gz", { useUniqueFileName: false });
    equal(exact.filePath, "/a_b/c_d/é_x_1.tar.gz");
    match((await upload("n.txt")).name ?? "", /^n_[0-9a-f]{12}\.txt$/);
    const folders = await sdk.assets.list({ type: "folder" });
    deepEqual(folders.map(({ name }) => name), ["a_b", "c_d"]);
  }));

Deno.test("startImageKit() overwrites with a new version of the same file unless overwriteFile is false", () =>
  withAccount(async (fake, sdk) => {
    const upload = async (text: string, overwriteFile: boolean) =>
      await sdk.files.upload({
        file: await toFile(bytesOf(text), "x"),
        fileName: "x",
        useUniqueFileName: false,
        overwriteFile,
      });
    const first = await upload("one", true);
    const second = await upload("three", true);
    equal(second.fileId, first.fileId);
    equal(second.versionInfo?.name, "Version 2");
    await rejects(upload("four", false), /file with the same name already exists/);
    deepEqual(fake.objects().map(({ bytes }) => bytes), [bytesOf("three")]);
  }));

Deno.test("startImageKit() refuses empty files, long tags and unknown metadata", () =>
  withAccount(async (fake, sdk) => {
    const file = await toFile(bytesOf("x"), "x");
    const upload = (options: object) => sdk.files.upload({ file, fileName: "x", ...options });
    equal(await statusOf(upload({ file: await toFile(new Uint8Array(), "x") })), 400);
    equal(await statusOf(upload({ tags: ["t".repeat(501)] })), 400);
    equal(await statusOf(upload({ tags: ["50%"] })), 400);
    equal(await statusOf(upload({ customMetadata: { brand: "x" } })), 400);
    const notAForm = await fetch(`${fake.uploadUrl}/api/v1/files/upload`, {
      method: "POST",
      body: new URLSearchParams({ fileName: "x" }),
    });
    equal(notAForm.status, 400);
    equal((await notAForm.json()).message, MISSING_FILE);
    deepEqual(fake.objects(), []);
  }));

Deno.test("startImageKit() checks every field of a V2 upload against its token", () =>
  withAccount(async (fake) => {
    const fields = { fileName: "v2.bin", useUniqueFileName: "false" };
    const token = signJwt(fake, { ...fields, iat: NOW, exp: NOW + 600 });
    const altered = await postForm(fake, { ...fields, fileName: "z", token }, "x", "v2");
    match(altered.body.message, /does not match with the payload/);
    match((await postForm(fake, { ...fields, token }, "x", "v2")).body.message, /used before/);
    const fresh = signJwt(fake, { ...fields, iat: NOW, exp: NOW + 601 });
    equal((await postForm(fake, { ...fields, token: fresh }, "x", "v2")).status, 200);
    const long = signJwt(fake, { ...fields, iat: NOW, exp: NOW + 3601 });
    equal((await postForm(fake, { ...fields, token: long }, "x", "v2")).status, 400);
    const forged = `${fresh.slice(0, -4)}AAAA`;
    equal((await postForm(fake, { ...fields, token: forged }, "x", "v2")).status, 400);
  }, { now: () => START_MS }));

function signJwt(fake: FakeImageKit, payload: object): string {
  const encode = (part: object) => btoa(JSON.stringify(part)).replace(/=+$/, "");
  const signed = `${encode({ alg: "HS256", typ: "JWT", kid: fake.publicKey })}.${encode(payload)}`;
  return `${signed}.${createHmac("sha256", fake.privateKey).update(signed).digest("base64url")}`;
}

Deno.test("startImageKit() lists by folder, search, page and order", () =>
  withAccount(async (fake, sdk) => {
    const hour = 3_600_000;
    const names = ["mcp-1", "mcp-2", "MCP-3", "other"];
    for (const [index, name] of names.entries()) {
      const createdAtMs = START_MS - index * hour;
      fake.plant({ name, folder: "/f", bytes: bytesOf(name), createdAtMs, tags: [name] });
    }
    fake.plant({ name: "mcp-0", folder: "/f/deeper", bytes: bytesOf("x") });
    const search = async (searchQuery: string, more: object = {}) =>
      (await sdk.assets.list({ path: "/f", searchQuery, ...more })).map(({ name }) => name);
    deepEqual(await search('name : "mcp-"'), ["mcp-2", "mcp-1"]);
    deepEqual(await search('type = "file" AND createdAt < "2h"'), ["other"]);
    deepEqual(await search('(name = "mcp-1" OR name = other) AND private = false'), [
      "other",
      "mcp-1",
    ]);
    deepEqual(await search('type = "file" AND name NOT IN ["mcp-1", "mcp-2"]'), ["other", "MCP-3"]);
    deepEqual(await search('tags IN ["mcp-2"]'), ["mcp-2"]);
    deepEqual(await search('type = "file" AND size > 4', { limit: 2, skip: 1, sort: "ASC_NAME" }), [
      "mcp-1",
      "mcp-2",
    ]);
    deepEqual(await search("size >= 0", { sort: "DESC_NAME", limit: 1 }), ["other"]);
    deepEqual(await search('name : "deep"'), ["deeper"]);
    const iso = new Date(START_MS - hour).toISOString();
    deepEqual(await search(`createdAt >= "${iso}" AND type = "file"`), ["mcp-2", "mcp-1"]);
  }, { now: () => START_MS }));

Deno.test("startImageKit() refuses searches and pages that it cannot parse", () =>
  withAccount(async (_fake, sdk) => {
    for (const searchQuery of ["", "name", "name ~ x", 'nme = "x"', '(name = "x"', "size > big"]) {
      equal(await statusOf(sdk.assets.list({ searchQuery })), 400, searchQuery);
    }
    await rejects(
      sdk.assets.list({ limit: 0 }),
      /Minimum value of limit parameter is 1\. Value sent is 0\./,
    );
    await rejects(sdk.assets.list({ limit: 1001 }), /Maximum value of limit parameter is 1000/);
    equal(await statusOf(sdk.assets.list({ skip: -1 })), 400);
  }));

Deno.test("startImageKit() deletes a batch completely or not at all", () =>
  withAccount(async (fake, sdk) => {
    const kept = fake.plant({ name: "a", bytes: bytesOf("a") });
    const missing = "0".repeat(24);
    await rejects(sdk.files.bulk.delete({ fileIds: [kept.fileId, missing] }), (error) => {
      ok(error instanceof APIError);
      equal(error.status, 404);
      deepEqual(Reflect.get(error.error, "missingFileIds"), [missing]);
      return true;
    });
    equal(fake.objects().length, 1);
    const done = await sdk.files.bulk.delete({ fileIds: [kept.fileId] });
    deepEqual(done, { successfullyDeletedFileIds: [kept.fileId] });
    deepEqual(fake.objects(), []);
  }));

Deno.test("Faults hide an upload from searches for a time or for a number of searches", async () => {
  let nowMs = START_MS;
  await withAccount(async (fake, sdk) => {
    const count = async () => (await sdk.assets.list()).length;
    fake.faults.searchLagMs = 5000;
    const { fileId } = fake.plant({ name: "late", bytes: bytesOf("x") });
    nowMs += 4999;
    equal(await count(), 0);
    equal((await sdk.files.get(fileId)).name, "late");
    nowMs += 1;
    equal(await count(), 1);
    fake.faults.searchLagMs = 0;
    fake.faults.searchesMissed = 2;
    fake.plant({ name: "shy", bytes: bytesOf("x") });
    deepEqual([await count(), await count(), await count()], [1, 1, 2]);
  }, { now: () => nowMs });
});

Deno.test("failNext() makes the requested number of requests fail, before or after their effect", () =>
  withAccount(async (fake, sdk) => {
    const { fileId } = fake.plant({ name: "a", bytes: bytesOf("x") });
    fake.failNext("api", { kind: "rate_limit", resetMs: 750 }, 2);
    for (const call of [sdk.assets.list(), sdk.files.get(fileId)]) {
      await rejects(call, (error) => {
        ok(error instanceof APIError);
        equal(error.headers?.get("x-ratelimit-reset"), "750");
        return error.status === 429;
      });
    }
    equal((await sdk.files.get(fileId)).name, "a");
    fake.failNext("details", { kind: "html", status: 502 });
    const page = await fetch(`${fake.apiUrl}/v1/files/${fileId}/details`);
    equal(page.status, 502);
    match(await page.text(), /^<html>/);
    fake.failNext("delete", { kind: "cut", afterEffect: true });
    const authorization = `Basic ${btoa(`${fake.privateKey}:`)}`;
    const removal = { method: "DELETE", headers: { authorization } };
    const lost = fetch(`${fake.apiUrl}/v1/files/${fileId}`, removal).then((answer) =>
      answer.bytes()
    );
    await rejects(lost, TypeError);
    deepEqual(fake.objects(), []);
  }));

Deno.test("requests records all requests and shows whether they contain the private key", () =>
  withAccount(async (fake, sdk) => {
    await postForm(fake, clientFields(fake, sdk));
    const [upload] = fake.requests;
    equal(upload?.operation, "upload");
    equal(upload.status, 200);
    deepEqual(upload.files, [{
      name: "file",
      fileName: "ignored.bin",
      type: "application/octet-stream",
      bytes: 7,
    }]);
    deepEqual(upload.fields.find(({ name }) => name === "fileName")?.value, "a.bin");
    equal(fake.holdsPrivateKey(JSON.stringify(upload)), false);
    await sdk.assets.list();
    equal(fake.holdsPrivateKey(JSON.stringify(fake.requests.at(-1))), true);
    equal(fake.holdsPrivateKey(`key=${encodeURIComponent(fake.privateKey)}`), true);
  }, { now: () => START_MS }));

Deno.test("startImageKit() separates its three origins on request", () =>
  withAccount(async (fake, sdk) => {
    notEqual(fake.apiUrl, fake.uploadUrl);
    deepEqual(await sdk.assets.list(), []);
    const file = await toFile(bytesOf("x"), "x");
    equal(await statusOf(sdk.files.upload({ file, fileName: "x" })), 404);
    const atUpload = new ImageKit({ baseURL: fake.uploadUrl, privateKey: fake.privateKey });
    const { url = "" } = await atUpload.files.upload({ file, fileName: "x" });
    equal(await (await fetch(url)).text(), "x");
  }, { separateOrigins: true }));

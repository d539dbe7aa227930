import { deepEqual, equal, match, notDeepEqual, rejects } from "node:assert/strict";
import ImageKit from "@imagekit/nodejs";
import { type FakeImageKit, type ImageKitOptions, startImageKit } from "./imagekit.ts";
import { CURL, peerTest } from "../peers/require.ts";

const START_MS = Date.UTC(2026, 10, 20, 12);
const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82]);
const ORIGINAL = "tr=orig-true";

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

/** A URL made by the vendor's SDK: orig-true, and signed unless `expiresIn` is absent. */
const addressOf = (fake: FakeImageKit, sdk: ImageKit, src: string, expiresIn?: number) =>
  sdk.helper.buildSrc({
    urlEndpoint: fake.urlEndpoint,
    src,
    transformation: [{ original: true }],
    ...(expiresIn === undefined ? {} : { signed: true, expiresIn }),
  });

async function fetchStatus(url: string): Promise<number> {
  const answer = await fetch(url);
  await answer.body?.cancel();
  return answer.status;
}

async function curl(...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout } = await new Deno.Command("curl", { args: ["-sS", ...args] }).output();
  return { code, text: new TextDecoder().decode(stdout) };
}

Deno.test("delivery checks the SDK's signatures over the complete URL", () =>
  withAccount(async (fake, sdk) => {
    fake.plant({ name: "p.bin", folder: "/mcp", bytes: bytesOf("secret"), isPrivate: true });
    const signed = addressOf(fake, sdk, "/mcp/p.bin", 600);
    match(signed, /\?tr=orig-true&ik-t=\d{10}&ik-s=[0-9a-f]{40}$/);
    equal(await (await fetch(signed)).text(), "secret");
    const unending = sdk.helper.buildSrc({
      urlEndpoint: fake.urlEndpoint,
      src: "/mcp/p.bin",
      signed: true,
    });
    equal(await fetchStatus(unending), 200);
    equal(await fetchStatus(addressOf(fake, sdk, "/mcp/p.bin")), 401);
    equal(await fetchStatus(signed.replace(`${ORIGINAL}&`, "")), 401);
    equal(await fetchStatus(`${signed}&x=1`), 401);
    equal(await fetchStatus(signed.replace(/ik-t=\d+/, "ik-t=9999999998")), 401);
    equal(await fetchStatus(signed.replace(/.$/, (last) => last === "0" ? "1" : "0")), 401);
    fake.faults.keyRevoked = true;
    equal(await fetchStatus(signed), 401);
  }));

Deno.test("delivery refuses a signature that has expired, and a wrong one on a public file", async () => {
  let nowMs = Date.now();
  await withAccount(async (fake, sdk) => {
    fake.plant({ name: "p.bin", bytes: bytesOf("public") });
    const signed = addressOf(fake, sdk, "/p.bin", 600);
    equal(await fetchStatus(signed), 200);
    nowMs += 601_000;
    equal(await fetchStatus(signed), 401);
    equal(await fetchStatus(`${fake.urlEndpoint}/p.bin?ik-s=${"0".repeat(40)}`), 401);
    equal(await fetchStatus(`${fake.urlEndpoint}/p.bin`), 200);
  }, { now: () => nowMs });
});

Deno.test("delivery re-encodes images unless the URL says orig-true", () =>
  withAccount(async (fake, sdk) => {
    fake.plant({ name: "i.dat", bytes: PNG });
    fake.plant({ name: "raw.png", bytes: bytesOf("no image") });
    const read = async (address: string) => await (await fetch(fake.urlEndpoint + address)).bytes();
    notDeepEqual(await read("/i.dat"), PNG);
    notDeepEqual(await read("/i.dat?tr=w-100"), PNG);
    deepEqual(await read(`/i.dat?${ORIGINAL}`), PNG);
    deepEqual(await read("/tr:orig-true/i.dat"), PNG);
    deepEqual(await (await fetch(addressOf(fake, sdk, "i.dat"))).bytes(), PNG);
    deepEqual(await read("/raw.png"), bytesOf("no image"));
  }));

peerTest({
  name: "delivery compresses text for clients that ask for it",
  peer: CURL,
  fn: () =>
    withAccount(async (fake) => {
      const text = "line\n".repeat(1000);
      fake.plant({ name: "t.txt", bytes: bytesOf(text) });
      fake.plant({ name: "t.bin", bytes: bytesOf(text) });
      const measure = async (name: string, ...more: string[]) =>
        (await curl(
          ...more,
          "-o",
          "/dev/null",
          "-w",
          "%{size_download}",
          `${fake.urlEndpoint}/${name}`,
        ))
          .text;
      equal(await measure("t.txt"), "5000");
      equal(Number(await measure("t.txt", "-H", "Accept-Encoding: gzip")) < 500, true);
      equal(await measure("t.bin", "-H", "Accept-Encoding: gzip"), "5000");
      equal((await curl("--compressed", `${fake.urlEndpoint}/t.txt`)).text, text);
      equal(await (await fetch(`${fake.urlEndpoint}/t.txt`)).text(), text);
    }),
});

Deno.test("delivery answers ranges", () =>
  withAccount(async (fake) => {
    fake.plant({ name: "r.txt", bytes: bytesOf("0123456789") });
    const get = async (range: string) => {
      const answer = await fetch(`${fake.urlEndpoint}/r.txt`, { headers: { range } });
      return [answer.status, answer.headers.get("content-range"), await answer.text()];
    };
    deepEqual(await get("bytes=2-4"), [206, "bytes 2-4/10", "234"]);
    deepEqual(await get("bytes=8-"), [206, "bytes 8-9/10", "89"]);
    deepEqual(await get("bytes=-3"), [206, "bytes 7-9/10", "789"]);
    deepEqual(await get("bytes=10-"), [416, "bytes */10", ""]);
    deepEqual(await get("bytes=0-1,3-4"), [200, null, "0123456789"]);
  }));

Deno.test("delivery continues after deletion until exactly that URL is purged", () =>
  withAccount(async (fake, sdk) => {
    const { fileId } = fake.plant({
      name: "c.bin",
      folder: "/mcp",
      bytes: bytesOf("x"),
      isPrivate: true,
    });
    const signed = addressOf(fake, sdk, "/mcp/c.bin", 600);
    equal(await fetchStatus(signed), 200);
    await sdk.files.delete(fileId);
    equal(await fetchStatus(signed), 200);
    equal(await fetchStatus(addressOf(fake, sdk, "/mcp/c.bin")), 401);
    const bare = `${fake.urlEndpoint}/mcp/c.bin`;
    await sdk.cache.invalidation.create({ url: bare });
    equal(await fetchStatus(signed), 200);
    const { requestId = "" } = await sdk.cache.invalidation.create({ url: `${bare}?${ORIGINAL}` });
    match(requestId, /^[0-9a-f]{24}$/);
    deepEqual(await sdk.cache.invalidation.get(requestId), { status: "Completed" });
    equal(await fetchStatus(signed), 404);
  }));

Deno.test("purge accepts a wildcard at the end of a URL that is specific enough", () =>
  withAccount(async (fake, sdk) => {
    const { fileId } = fake.plant({ name: "w.bin", folder: "/mcp", bytes: bytesOf("x") });
    const address = `${fake.urlEndpoint}/mcp/w.bin?${ORIGINAL}`;
    equal(await fetchStatus(address), 200);
    await sdk.files.delete(fileId);
    for (
      const url of [`${fake.urlEndpoint}/mcp*`, `${fake.urlEndpoint}/*/w.bin`, "http://x/y.bin"]
    ) {
      await rejects(sdk.cache.invalidation.create({ url }), /invalid URL parameter/);
    }
    equal(await fetchStatus(address), 200);
    await sdk.cache.invalidation.create({ url: `${fake.urlEndpoint}/mcp/w.bin*` });
    equal(await fetchStatus(address), 404);
  }));

Deno.test("delivery remembers for a while that a file is missing", async () => {
  let nowMs = START_MS;
  await withAccount(async (fake) => {
    const address = `${fake.urlEndpoint}/late.bin`;
    equal(await fetchStatus(address), 404);
    fake.plant({ name: "late.bin", bytes: bytesOf("x") });
    nowMs += 29_999;
    equal(await fetchStatus(address), 404);
    equal(await fetchStatus(`${address}?${ORIGINAL}`), 200);
    nowMs += 1;
    equal(await fetchStatus(address), 200);
  }, { now: () => nowMs, notFoundCacheMs: 30_000 });
});

peerTest({
  name: "Faults cut, stall and slow a delivery",
  peer: CURL,
  fn: () =>
    withAccount(async (fake) => {
      const bytes = new Uint8Array(40_000).fill(7);
      fake.plant({ name: "big.bin", bytes });
      const address = `${fake.urlEndpoint}/big.bin`;
      fake.faults.delivery = "cut";
      const partial = await curl("-o", "/dev/null", "-w", "%{size_download}", address);
      deepEqual(partial, { code: 18, text: "20000" });
      fake.faults.delivery = "slow";
      fake.faults.slowPieceMs = 1;
      deepEqual(await (await fetch(address)).bytes(), bytes);
      fake.faults.delivery = "stalled";
      const reader = (await fetch(address)).body?.getReader();
      equal((await reader?.read())?.done, false);
      await reader?.cancel();
      const stalled = await fetch(address);
      fake.resumeDeliveries();
      deepEqual(await stalled.bytes(), bytes);
      fake.faults.delivery = "whole";
      fake.failNext("delivery", { kind: "html", status: 503 });
      equal(await fetchStatus(address), 503);
      deepEqual(await (await fetch(address)).bytes(), bytes);
    }),
});

Deno.test("close() ends a stalled delivery", async () => {
  const fake = await startImageKit();
  fake.plant({ name: "s.bin", bytes: new Uint8Array(1000) });
  fake.faults.delivery = "stalled";
  const answer = await fetch(`${fake.urlEndpoint}/s.bin`);
  const [outcome] = await Promise.allSettled([answer.bytes(), fake.close()]);
  equal(outcome.status, "rejected");
});

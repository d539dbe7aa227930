import assert from "node:assert/strict";
import { connect } from "node:net";
import { CURL, peer, peerTest } from "../peers/require.ts";
import { randomBytes, sha256, TestHub } from "./fixture.ts";
import { ask, PROGRAM, RawClient } from "./http.ts";
import { outputOf } from "../support/command.ts";
import { until } from "../support/until.ts";

const curlUser = { ...PROGRAM, "User-Agent": "curl/8.5.0" };

function get(url: string, version = "1.1"): string {
  const { pathname } = new URL(url);
  return `GET ${pathname} HTTP/${version}\r\nHost: x\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n`;
}

/** Reads about so many bytes of the link's answer and closes the connection with the rest unread. */
async function readSome(url: string, count: number, version?: string): Promise<void> {
  await using client = await RawClient.connect(url);
  await client.send(get(url, version));
  for (let read = 0; read < count;) read += await client.read(count - read);
}

/** The same for a program that ends, or whose user aborts the download: its system only resets the connection. */
async function abort(url: string, count: number, version: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(get(url, version));
  let read = 0;
  for await (const chunk of socket) {
    read += chunk.length;
    if (read >= count) break;
  }
}

for (const count of [50_000, 100_000, 300_000]) {
  for (const version of ["1.0", "1.1"]) {
    Deno.test(`a client that closed after ${count} bytes of 1 MB over HTTP/${version} can resume`, async () => {
      await using test = new TestHub();
      const content = randomBytes(1_000_000);
      test.write("a.bin", content);
      const link = await test.link("a.bin");
      await readSome(link.url, count, version);
      // Until then it would be a second download beside the first.
      await until("the interruption", () => test.actions().includes("interrupted"));
      const rest = await ask(link.url, { ...curlUser, Range: `bytes=${count}-` });
      assert.equal(rest.status, 206);
      assert.deepEqual(rest.bytes, content.subarray(count));
      await until("the receipt", () => test.actions().includes("used"));
      assert.equal((await ask(link.url, { ...curlUser, Range: `bytes=${count}-` })).status, 404);
      assert.equal(test.hub.store.report().statistics.used, 1);
      assert.deepEqual(test.actions().slice(0, 4), ["created", "claimed", "interrupted", "used"]);
    });
  }
}

for (const version of ["1.0", "1.1"]) {
  Deno.test(`a small directory that was read in part over HTTP/${version} can be downloaded again by the same program`, async () => {
    await using test = new TestHub();
    test.write("tree/a.bin", randomBytes(1_000_000));
    const link = await test.link("tree");
    await abort(link.url, 100_000, version);
    const again = await ask(link.url, curlUser);
    assert.deepEqual([again.status, ...test.actions().slice(0, 3)], [
      200,
      "created",
      "claimed",
      "interrupted",
    ]);
    assert.ok(again.bytes.length > 1_000_000);
    assert.equal((await ask(link.url, curlUser)).status, 404);
    assert.deepEqual(test.actions().slice(0, 4), ["created", "claimed", "interrupted", "used"]);
  });
}

Deno.test("another request on the connection shows that the answer was received", async () => {
  await using test = new TestHub({ limits: { keepAliveMs: 30_000 } });
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  await using client = await RawClient.connect(link.url);
  await client.send(get(link.url));
  assert.match(await client.readUntil("hello"), /^HTTP\/1\.1 200 /);
  await client.send(get(link.url).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
  assert.match(await client.rest(), /^HTTP\/1\.1 404 /);
  assert.deepEqual(test.actions(), ["created", "claimed", "used", "refused"]);
});

Deno.test("two requests sent at once do not show that the first answer was received", async () => {
  await using test = new TestHub();
  test.write("a.bin", randomBytes(1_000_000));
  const link = await test.link("a.bin");
  {
    await using client = await RawClient.connect(link.url);
    await client.send(get(link.url) + get(link.url));
    await client.read(100_000);
  }
  assert.equal((await ask(link.url, { ...curlUser, Range: "bytes=100000-" })).status, 206);
});

Deno.test("a client that keeps its connection open has received the answer after a grace", async () => {
  await using test = new TestHub({ limits: { keepAliveMs: 50, receiptMs: 100 } });
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  await using client = await RawClient.connect(link.url);
  await client.send(get(link.url));
  assert.match(await client.rest(), /\r\n\r\nhello$/);
  const isOver = (action: unknown) => action === "used" || action === "interrupted";
  await until("the end", () => test.actions().some(isOver));
});

for (
  const [path, version] of [["tree", "1.0"], ["tree/a.bin", "1.0"], ["tree/a.bin", "1.1"]] as const
) {
  Deno.test(`a client that has read ${path} over HTTP/${version} and closes later has received it`, async () => {
    await using test = new TestHub({ limits: { keepAliveMs: 20, receiptMs: 60_000 } });
    test.write("tree/a.bin", randomBytes(1_000_000));
    const link = await test.link(path);
    await using client = await RawClient.connect(link.url);
    await client.send(get(link.url, version));
    if (path === "tree") await client.rest();
    else for (let read = 0; read < 1_000_000;) read += await client.read(1_000_000);
    // Longer than an idle connection is kept, if the machine is not busy.
    await new Promise((resolve) => setTimeout(resolve, 100));
    client.close();
    const isOver = (action: unknown) => action === "used" || action === "interrupted";
    await until("the end", () => test.actions().some(isOver));
    assert.deepEqual(test.actions(), ["created", "claimed", "used"]);
  });
}

/** A link is used up after this time if everything was sent to a client with parallel downloads. */
const GRACE_MS = 25_000;

/** The first of two parallel downloads is still open when the second one is requested. */
const STILL_OPEN = { limits: { settleMs: 500 } };

/** Takes the first part of a file on one connection and leaves it, and its other part on another one. */
async function takeInParallel(test: TestHub, url: string): Promise<void> {
  await using first = await RawClient.connect(url);
  await first.send(get(url));
  await first.read(100_000);
  const rest = await ask(url, { ...curlUser, Range: "bytes=500000-" });
  assert.equal(rest.status, 206);
  first.close();
  await until("the grace", () => test.clock.remainingMs.includes(GRACE_MS));
}

Deno.test("a client that left one of its parallel downloads and stays away has used the link", async () => {
  await using test = new TestHub(STILL_OPEN);
  test.write("a.bin", randomBytes(1_000_000));
  const link = await test.link("a.bin");
  await takeInParallel(test, link.url);
  test.clock.advance(GRACE_MS - 1);
  assert.equal(test.hub.store.report().statistics.active, 1);
  test.clock.advance(1);
  const { statistics, bytesServed } = test.hub.store.report();
  assert.deepEqual([statistics.used, bytesServed], [1, 1_000_000]);
  assert.equal((await ask(link.url, { ...curlUser, Range: "bytes=100000-" })).status, 404);
});

Deno.test("a client that left one of its parallel downloads can resume it", async () => {
  await using test = new TestHub(STILL_OPEN);
  const content = randomBytes(1_000_000);
  test.write("a.bin", content);
  const link = await test.link("a.bin");
  await takeInParallel(test, link.url);
  test.clock.advance(GRACE_MS - 1);
  const part = await ask(link.url, { ...curlUser, Range: "bytes=100000-499999" });
  assert.deepEqual([part.status, part.bytes], [206, content.subarray(100_000, 500_000)]);
  await until("used", () => test.actions().includes("used"));
});

Deno.test("a client that was interrupted in its only download can resume it much later", async () => {
  await using test = new TestHub();
  test.write("a.bin", randomBytes(1_000_000));
  const link = await test.link("a.bin", 60);
  await readSome(link.url, 100_000);
  await until("interrupted", () => test.actions().includes("interrupted"));
  test.clock.advance(50 * 60_000);
  const rest = await ask(link.url, { ...curlUser, Range: "bytes=100000-" });
  assert.equal(rest.status, 206);
});

const ARIA2 = peer("aria2c", "/usr/bin/aria2c", "aria2");
const MANY = ["-q", "-x16", "-s16", "-k1M", "-d", "/"];

for (
  const [name, program, args] of [
    ["curl", CURL, ["-sf", "-o"]],
    ["curl -0", CURL, ["-sf0", "-o"]],
    ["wget", peer("wget", "/usr/bin/wget"), ["-q", "-O"]],
    ["wget2", peer("wget2", "/usr/bin/wget2"), ["-q", "-O"]],
    ["aria2c", ARIA2, ["-q", "-d", "/", "-o"]],
    ["aria2c -x16", ARIA2, [...MANY, "-o"]],
    ["axel", peer("axel", "/usr/bin/axel"), ["-q", "-n16", "-o"]],
  ] as const
) {
  peerTest({
    name: `${name} downloads 100 MB`,
    peer: program,
    async fn() {
      await using test = new TestHub(STILL_OPEN);
      test.write("big.bin", randomBytes(100_000_000));
      const link = await test.link("big.bin");
      const target = test.outside("copy.bin");
      const shown = program === ARIA2 ? target.slice(1) : target;
      await outputOf("timeout", "300", program.name, ...args, shown, link.url);
      assert.equal(await sha256(Deno.readFileSync(target)), link.sha256);
      // With so many connections that it ends early, what arrived cannot be told from what was sent.
      const isUsed = () => test.actions().includes("used");
      await until("the end", () => isUsed() || test.clock.remainingMs.includes(GRACE_MS));
      if (!isUsed() && name === "aria2c -x16") test.clock.advance(GRACE_MS);
      await until("used", isUsed);
      const { statistics, bytesServed } = test.hub.store.report();
      assert.equal(statistics.used, 1);
      if (name !== "aria2c -x16") assert.ok(bytesServed >= 100_000_000, `${bytesServed}`);
    },
  });
}

import assert from "node:assert/strict";
import { API_KEY, randomBytes, TestHub } from "./fixture.ts";
import { ask, BROWSER, PROGRAM, RawClient } from "./http.ts";
import { until } from "../support/until.ts";

/** Short limits; the tests wait for the server's answer, not for a time. */
const SHORT = { headersMs: 150, requestMs: 300, keepAliveMs: 150, receiptMs: 150 };

const path = (url: string) => new URL(url).pathname;

Deno.test("an address that tries 60 unknown tokens in a minute has to wait, others do not", async () => {
  await using test = new TestHub({ downloads: { host: "0.0.0.0" } });
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  const local = link.url.replace("localhost", "127.0.0.1");
  const unknown = local.replace(/[^/]+$/, "A".repeat(43));
  for (let n = 0; n < 60; n++) assert.equal((await ask(unknown)).status, 404);
  test.clock.advance(20_000);
  for (const headers of [PROGRAM, BROWSER]) {
    const refused = await ask(unknown, headers);
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.get("retry-after"), "40");
  }
  using other = Deno.createHttpClient({ localAddress: "127.0.0.2" });
  const response = await fetch(unknown, { client: other, headers: PROGRAM });
  assert.equal(response.status, 404);
  await response.body?.cancel();
  test.clock.advance(40_000);
  assert.equal((await ask(unknown)).status, 404);
});

Deno.test("a person who shares an address with an attacker still gets the links", async () => {
  await using test = new TestHub();
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  const unknown = link.url.replace(/[^/]+$/, "A".repeat(43));
  for (let n = 0; n < 60; n++) assert.equal((await ask(unknown)).status, 404);
  assert.equal((await ask(unknown)).status, 429);
  assert.equal((await ask(link.url, BROWSER)).status, 200);
  assert.equal((await ask(link.url)).text, "hello");
});

Deno.test("a known link that another has claimed counts as no guess", async () => {
  await using test = new TestHub();
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  await ask(link.url, { ...PROGRAM, Range: "bytes=0-1" });
  for (let n = 0; n < 61; n++) assert.equal((await ask(link.url)).status, 404);
  const unknown = link.url.replace(/[^/]+$/, "A".repeat(43));
  assert.equal((await ask(unknown)).status, 404);
});

Deno.test("a stranger with a claimed link cannot fill the audit log", async () => {
  await using test = new TestHub();
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  await ask(link.url, { ...PROGRAM, Range: "bytes=0-1" });
  for (let n = 0; n < 150; n++) assert.equal((await ask(link.url)).status, 404);
  const reasons = test.refusals().map(({ reason }) => reason);
  assert.equal(reasons.filter((reason) => reason === "claimed by another").length, 60);
  assert.deepEqual(reasons.slice(60), ["too many requests"]);
  test.clock.advance(60_000);
  assert.equal((await ask(link.url)).status, 404);
  assert.equal(test.refusals().at(-1)?.reason, "claimed by another");
});

Deno.test("other methods are answered 405", async () => {
  await using test = new TestHub({ downloads: { apiKey: API_KEY } });
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS"]) {
    const { status, headers } = await ask(link.url, PROGRAM, method);
    assert.deepEqual([status, headers.get("allow")], [405, "GET, HEAD, POST"], method);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
  }
  await using client = await RawClient.connect(link.url);
  await client.send(`TRACE ${path(link.url)} HTTP/1.1\r\nHost: x\r\n\r\n`);
  assert.match(await client.rest(), /^HTTP\/1\.1 405 /);
  assert.equal((await ask(link.url)).text, "hello");
});

Deno.test("nothing is listed and nothing given is repeated", async () => {
  await using test = new TestHub();
  test.write("a.txt", "hello");
  const { origin } = new URL((await test.link("a.txt")).url);
  for (
    const place of [
      "/",
      "/api/download",
      "/api/download/",
      "/<script>",
      "/a.txt",
      "/api/download/<script>",
    ]
  ) {
    for (const headers of [PROGRAM, { ...BROWSER, "User-Agent": "<script>" }]) {
      const answer = await ask(origin + place, headers);
      assert.equal(answer.status, 404, place);
      assert.doesNotMatch(answer.text, /<script>alert|%3Cscript|a\.txt/);
      assert.equal(answer.text.includes('<script>">'), false);
    }
  }
});

Deno.test("a head that is too large is refused", async () => {
  await using test = new TestHub();
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  await using client = await RawClient.connect(link.url);
  await client.send(`GET ${path(link.url)} HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(20_000)}\r\n\r\n`)
    .catch(() => {});
  assert.match(await client.rest(), /^HTTP\/1\.1 431 /);
});

Deno.test("a body that is too large is refused", async () => {
  await using test = new TestHub();
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  await using client = await RawClient.connect(link.url);
  await client.send(
    `POST ${path(link.url)} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n${
      "a".repeat(17_000)
    }`,
  );
  assert.match(await client.rest(), /^HTTP\/1\.1 413 /);
  assert.equal((await ask(link.url)).text, "hello");
});

for (
  const [name, text] of [
    ["nothing", ""],
    ["half a head", "GET / HTTP/1.1\r\nHost: x\r\n"],
    ["half a body", "POST /api/download/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"],
  ] as const
) {
  Deno.test(`a client that sends ${name} is cut off`, async () => {
    await using test = new TestHub({ limits: SHORT });
    test.write("a.txt", "hello");
    const link = await test.link("a.txt");
    await using client = await RawClient.connect(link.url);
    if (text !== "") await client.send(text);
    assert.match(await client.rest(), /^HTTP\/1\.1 408 /);
  });
}

Deno.test("a connection that is kept open and not used is closed", async () => {
  await using test = new TestHub({ limits: { keepAliveMs: 150, receiptMs: 150 } });
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  await using client = await RawClient.connect(link.url);
  await client.send(`GET ${path(link.url)} HTTP/1.1\r\nHost: x\r\n\r\n`);
  assert.match(await client.rest(), /^HTTP\/1\.1 200 [\s\S]*\r\n\r\nhello$/);
});

Deno.test("a stalled client is disconnected, and little is read for it", async () => {
  await using test = new TestHub();
  const size = 60_000_000;
  test.write("big.bin", randomBytes(size));
  const link = await test.link("big.bin");
  await using client = await RawClient.connect(link.url);
  await client.send(`GET ${path(link.url)} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await client.read(100);
  // The sweep's timer and, once the sockets are full, that of the piece nobody takes.
  let served = -1;
  while (test.clock.waiting < 2 || served !== test.hub.store.report().bytesServed) {
    served = test.hub.store.report().bytesServed;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.ok(served < 20_000_000, `${served} bytes were handed over`);
  test.clock.advance(60_000);
  await until("interrupted", () => test.actions().includes("interrupted"));
  const rest = await client.rest();
  assert.ok(rest.length < 20_000_000);
});

Deno.test("more downloads of one link at once than a program needs are put off", async () => {
  await using test = new TestHub();
  test.write("big.bin", randomBytes(30_000_000));
  const link = await test.link("big.bin");
  const part = { ...PROGRAM, Range: "bytes=0-29999998" };
  const open = [];
  for (let n = 0; n < 32; n++) open.push(await fetch(link.url, { headers: part }));
  const refused = await ask(link.url, part);
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [503, "5"]);
  for (const response of open) await response.body?.cancel();
});

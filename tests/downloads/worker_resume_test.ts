import assert from "node:assert/strict";
import { CURL, peer, peerTest, UNZIP } from "../peers/require.ts";
import { randomBytes, sha256, TestHub } from "./fixture.ts";
import { ask, BROWSER, PROGRAM, RawClient } from "./http.ts";
import { outputOf } from "../support/command.ts";
import { until } from "../support/until.ts";

/** Starts a download by hand, takes some of it and goes away. */
async function breakOff(test: TestHub, url: string, request: string): Promise<void> {
  const client = await RawClient.connect(url);
  await client.send(request);
  await client.read(200_000);
  const head = await client.read(1);
  client.close();
  assert.equal(head, 1);
  await until("interrupted", () => test.actions().includes("interrupted"));
}

Deno.test("an interrupted download can be resumed by the same program only", async () => {
  await using test = new TestHub();
  const content = randomBytes(30_000_000);
  test.write("big.bin", content);
  const link = await test.link("big.bin");
  const { pathname } = new URL(link.url);
  await breakOff(
    test,
    link.url,
    `GET ${pathname} HTTP/1.1\r\nHost: x\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n`,
  );
  assert.equal((await ask(link.url)).status, 404);
  const other = { ...PROGRAM, "User-Agent": "wget", Range: "bytes=100-" };
  assert.equal((await ask(link.url, other)).status, 404);
  const rest = await ask(link.url, { ...PROGRAM, Range: "bytes=100-" });
  assert.equal(rest.status, 206);
  assert.deepEqual(rest.bytes, content.subarray(100));
  // The first bytes were handed over by the download that broke off.
  assert.equal((await ask(link.url, { ...PROGRAM, Range: "bytes=100-" })).status, 404);
  assert.equal(test.hub.store.report().statistics.used, 1);
});

Deno.test("a browser resumes an interrupted download with the cookie of its claim", async () => {
  await using test = new TestHub({ downloads: { baseUrl: "https://files.example/x" } });
  const content = randomBytes(30_000_000);
  test.write("big.bin", content);
  const link = await test.link("big.bin");
  const { port } = test.hub;
  const url = link.url.replace("https://files.example/x", `http://127.0.0.1:${port}`);
  const response = await fetch(url, { method: "POST", headers: BROWSER });
  const cookie = response.headers.get("set-cookie") ?? "";
  assert.match(
    cookie,
    /^claim_[0-9a-f]{16}=[\w-]{43}; Max-Age=300; Path=\/x\/api\/download\/; HttpOnly; Secure; SameSite=Lax$/,
  );
  const reader = response.body?.getReader();
  await reader?.read();
  await reader?.cancel();
  await until("interrupted", () => test.actions().includes("interrupted"));
  const claimed = { ...BROWSER, Cookie: cookie.split(";")[0] ?? "" };
  assert.equal((await ask(url, BROWSER)).status, 404);
  assert.match((await ask(url, claimed)).text, /<form method="post">/);
  const resumed = await ask(url, { ...claimed, Range: "bytes=1000-", "User-Agent": "moved" });
  assert.equal(resumed.status, 206);
  assert.deepEqual(resumed.bytes, content.subarray(1000));
  assert.equal((await ask(url, claimed)).status, 404);
});

Deno.test("an interrupted archive can be restarted by the same program only, one at a time", async () => {
  await using test = new TestHub();
  for (const name of ["a", "b", "c"]) test.write(`tree/${name}`, randomBytes(10_000_000));
  const link = await test.link("tree");
  const { pathname } = new URL(link.url);
  const request =
    `GET ${pathname} HTTP/1.1\r\nHost: x\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n`;
  await using client = await RawClient.connect(link.url);
  await client.send(request);
  await client.read(1000);
  assert.equal((await ask(link.url)).status, 404);
  client.close();
  await until("interrupted", () => test.actions().includes("interrupted"));
  assert.equal((await ask(link.url, { ...PROGRAM, "User-Agent": "wget" })).status, 404);
  // A person in the same house has the same address, and maybe the same browser.
  assert.equal((await ask(link.url, { ...BROWSER, "User-Agent": "curl/8.5.0" })).status, 404);
  const again = await ask(link.url);
  assert.deepEqual([again.status, again.headers.get("accept-ranges")], [200, null]);
  assert.ok(again.bytes.length > 30_000_000);
  assert.equal((await ask(link.url)).status, 404);
});

peerTest({
  name: "an interrupted archive can be restarted with the cookie of its claim",
  peer: UNZIP,
  async fn() {
    await using test = new TestHub();
    for (const name of ["a", "b", "c"]) test.write(`tree/${name}`, randomBytes(10_000_000));
    const link = await test.link("tree");
    const response = await fetch(link.url, { method: "POST", headers: BROWSER });
    const cookie = (response.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await until("interrupted", () => test.actions().includes("interrupted"));
    assert.equal((await ask(link.url, BROWSER, "POST")).status, 404);
    const again = await ask(link.url, { ...BROWSER, Cookie: cookie }, "POST");
    assert.equal(again.status, 200);
    Deno.writeFileSync(test.outside("tree.zip"), again.bytes);
    await outputOf("unzip", "-q", test.outside("tree.zip"), "-d", test.outside("out"));
    await outputOf("diff", "-r", `${test.directory}/tree`, test.outside("out"));
    await test.hub.store.settled();
    assert.equal(test.hub.store.report().statistics.used, 1);
  },
});

for (const [name, from] of [["curl -C -", 0], ["wget -c", 1]] as const) {
  const program = from === 0 ? CURL : peer("wget", "/usr/bin/wget");
  peerTest({
    name: `${name} resumes an interrupted download`,
    peer: program,
    async fn() {
      await using test = new TestHub();
      const content = randomBytes(40_000_000);
      test.write("big.bin", content);
      const link = await test.link("big.bin");
      const target = test.outside("copy.bin");
      const slow = from === 0
        ? ["curl", "-s", "--limit-rate", "8M", "-o", target, link.url]
        : ["wget", "-q", "--limit-rate=8M", "-O", target, link.url];
      const child = new Deno.Command(slow[0] ?? "", { args: slow.slice(1), stdin: "null" }).spawn();
      while (test.hub.store.report().bytesServed < 8_000_000) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      child.kill("SIGKILL");
      await child.status;
      await until("interrupted", () => test.actions().includes("interrupted"));
      const args = from === 0
        ? ["-s", "-f", "-C", "-", "-o", target, link.url]
        : ["-q", "-c", "-O", target, link.url];
      await outputOf(slow[0] ?? "", ...args);
      assert.equal(await sha256(Deno.readFileSync(target)), link.sha256);
      assert.equal((await ask(link.url)).status, 404);
      assert.deepEqual(test.actions().slice(0, 4), ["created", "claimed", "interrupted", "used"]);
    },
  });
}

Deno.test("a part that only seems to be received does not use the link up while it is downloaded", async () => {
  await using test = new TestHub();
  const bytes = randomBytes(12_000_000);
  test.write("big.bin", bytes);
  const { url } = await test.link("big.bin");
  const from = async (range: string) => {
    const response = await fetch(url, { headers: { ...PROGRAM, Range: range } });
    return { status: response.status, reader: response.body?.getReader() };
  };
  // By hand: a library may have read everything before it is told to stop.
  await using first = await RawClient.connect(url);
  await first.send(
    `GET ${
      new URL(url).pathname
    } HTTP/1.1\r\nHost: x\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n`,
  );
  // Nearly everything was sent; how much of it was received is not known.
  for (let read = 0; read < 11_000_000;) read += await first.read(65_536);
  first.close();
  await until("interrupted", () => test.actions().includes("interrupted"));
  // A download manager fetches the rest in two parts, and the second part is there first.
  const early = await from("bytes=3000000-7999999");
  await early.reader?.read();
  const late = await ask(url, { ...PROGRAM, Range: "bytes=8000000-" });
  assert.equal(late.bytes.length, 4_000_000);
  const isCounted = (action: unknown) => action === "part_delivered" || action === "used";
  await until("the delivery", () => test.actions().some(isCounted));
  assert.equal(test.actions().find(isCounted), "part_delivered");
  await early.reader?.cancel();
  const again = await ask(url, { ...PROGRAM, Range: "bytes=3500000-7999999" });
  assert.deepEqual([again.status, again.bytes], [206, bytes.subarray(3_500_000, 8_000_000)]);
  await until("used", () => test.actions().includes("used"));
});

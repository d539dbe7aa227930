import assert from "node:assert/strict";
import { CURL, peer, peerTest } from "../peers/require.ts";
import { outputOf } from "../support/command.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { randomBytes, TestHub } from "./fixture.ts";
import { ask, BROWSER, PROGRAM, RawClient } from "./http.ts";
import { until } from "../support/until.ts";

const PHONE = {
  ...BROWSER,
  "User-Agent": "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile",
};
const DOWNLOADER = { Accept: "*/*", "User-Agent": "AndroidDownloadManager/15 (Linux; Android 15)" };

Deno.test("programs that ask for HTML, and are no browsers, get the file", async () => {
  await using test = new TestHub();
  test.write("a.txt", "hello");
  for (
    const [agent, accept] of [
      ["Wget/2.1.0", "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8"],
      ["Java/17.0.1", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"],
      ["lwp-request/6.67 libwww-perl/6.67", "text/html"],
    ] as const
  ) {
    const link = await test.link("a.txt");
    const { text } = await ask(link.url, { Accept: accept, "User-Agent": agent });
    assert.equal(text, "hello", agent);
  }
});

peerTest({
  name: "wget2 gets the file",
  peer: peer("wget2", "/usr/bin/wget2"),
  async fn() {
    await using test = new TestHub();
    test.write("a.txt", "hello");
    const link = await test.link("a.txt");
    assert.equal(await outputOf("wget2", "-q", "-O", "-", link.url), "hello");
  },
});

Deno.test("robots that say where they are described see the page and use nothing up", async () => {
  await using test = new TestHub();
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  for (
    const agent of [
      "Mattermost/9.0 (+https://mattermost.com/)",
      "SomeFetcher/1.0 (+http://example.com/about)",
      "Synapse (bot; +https://github.com/matrix-org/synapse)",
      "node-fetch/1.0 (+www.example.com)",
      "Iris/2.0 (compatible; https://example.org)",
    ]
  ) {
    const { status, headers } = await ask(link.url, { Accept: "*/*", "User-Agent": agent });
    assert.deepEqual([status, headers.get("content-type")?.slice(0, 9)], [200, "text/html"], agent);
  }
  assert.deepEqual(test.actions(), ["created"]);
  assert.equal((await ask(link.url)).text, "hello");
});

for (const size of [5_000, 30_000_000]) {
  Deno.test(`a phone's download program takes over a button's download of ${size} bytes`, async () => {
    await using test = new TestHub();
    const content = randomBytes(size);
    test.write("a.bin", content);
    const link = await test.link("a.bin");
    (await pressed(link.url)).close();
    assert.equal((await ask(link.url, PHONE)).status, 404);
    const taken = await ask(link.url, DOWNLOADER);
    assert.equal(taken.status, 200, JSON.stringify(test.events));
    assert.deepEqual(taken.bytes, content);
    assert.equal((await ask(link.url, DOWNLOADER)).status, 404);
    assert.equal(test.hub.store.report().statistics.used, 1);
  });
}

/** A browser that has pressed the button and read the beginning of the answer. */
async function pressed(url: string): Promise<RawClient> {
  const client = await RawClient.connect(url);
  const agent = `User-Agent: ${PHONE["User-Agent"]}\r\n`;
  const { pathname } = new URL(url);
  await client.send(`POST ${pathname} HTTP/1.1\r\nHost: x\r\n${agent}Content-Length: 0\r\n\r\n`);
  await client.read(1000);
  return client;
}

Deno.test("a phone's download program may ask before the browser's connection has closed", async () => {
  await using test = new TestHub();
  const content = randomBytes(30_000_000);
  test.write("a.bin", content);
  const link = await test.link("a.bin");
  await using browser = await pressed(link.url);
  const taking = ask(link.url, DOWNLOADER);
  // While these are answered, the other request arrives. The browser gets no second download.
  for (let n = 0; n < 3; n++) assert.equal((await ask(link.url, PHONE)).status, 404);
  assert.deepEqual(test.actions().filter((action) => action === "interrupted"), []);
  browser.close();
  const taken = await taking;
  assert.equal(taken.status, 200, JSON.stringify(test.events));
  assert.deepEqual(taken.bytes, content);
});

Deno.test("a phone's download program gets nothing while the browser goes on", async () => {
  await using test = new TestHub({ limits: { settleMs: 100 } });
  test.write("a.bin", randomBytes(30_000_000));
  const link = await test.link("a.bin");
  await using _browser = await pressed(link.url);
  assert.equal((await ask(link.url, DOWNLOADER)).status, 404);
  assert.deepEqual(test.actions(), ["created", "claimed", "refused"]);
});

Deno.test("a button's download is taken over for some seconds only, and from its address only", async () => {
  await using test = new TestHub({ downloads: { host: "0.0.0.0" } });
  test.write("a.bin", randomBytes(30_000_000));
  const link = await test.link("a.bin");
  const local = link.url.replace("localhost", "127.0.0.1");
  const response = await fetch(local, { method: "POST", headers: PHONE });
  const reader = response.body?.getReader();
  await reader?.read();
  await reader?.cancel();
  await until("interrupted", () => test.actions().includes("interrupted"));
  using other = Deno.createHttpClient({ localAddress: "127.0.0.2" });
  const stranger = await fetch(local, { client: other, headers: DOWNLOADER });
  await stranger.body?.cancel();
  assert.equal(stranger.status, 404);
  test.clock.advance(15_000);
  assert.equal((await ask(local, DOWNLOADER)).status, 404);
});

for (
  const base of [
    "http://h.example/files",
    "http://h.example/files/",
    "http://h.example/a/b",
    "http://h.example/api",
    "http://h.example/api/download",
    "http://h.example/a;b",
    "http://h.example/a%20b",
  ]
) {
  Deno.test(`a link below ${base} works whether the proxy keeps the path or not`, async () => {
    await using test = new TestHub({ downloads: { baseUrl: base } });
    test.write("a.txt", "hello");
    for (const keeps of [true, false]) {
      const link = await test.link("a.txt");
      const path = new URL(link.url).pathname;
      assert.ok(link.url.startsWith(`${base.replace(/\/$/, "")}/api/download/`), link.url);
      const seen = keeps ? path : path.slice(new URL(base).pathname.replace(/\/$/, "").length);
      const url = `http://127.0.0.1:${test.hub.port}${seen}`;
      assert.match((await ask(url, BROWSER)).text, /<form method="post">/);
      const pressed = await ask(url, BROWSER, "POST");
      assert.equal(pressed.text, "hello");
    }
  });
}

for (
  const [name, lines] of [
    ["two Host headers", "Host: a\r\nHost: b\r\n"],
    ["two equal Host headers", "Host: a\r\nhost: a\r\n"],
    ["no Host header", ""],
    [
      "Content-Length and Transfer-Encoding",
      "Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
    ],
    ["two lengths", "Host: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n"],
  ] as const
) {
  Deno.test(`a request with ${name} is refused and claims nothing`, async () => {
    await using test = new TestHub();
    test.write("a.txt", "hello");
    const link = await test.link("a.txt");
    await using client = await RawClient.connect(link.url);
    await client.send(`GET ${new URL(link.url).pathname} HTTP/1.1\r\n${lines}\r\n`);
    assert.match(await client.rest(), /^HTTP\/1\.1 400 /);
    assert.deepEqual(test.actions(), ["created"]);
  });
}

for (
  const [host, baseUrl, missing] of [
    ["127.0.0.1", undefined, ["DOWNLOAD_HOST", "BASE_URL"]],
    ["0.0.0.0", undefined, ["BASE_URL"]],
    ["0.0.0.0", "http://localhost:8000", ["BASE_URL"]],
    ["127.0.0.1", "https://files.example", []],
  ] as const
) {
  Deno.test(`on ${host} with BASE_URL=${baseUrl}, a link misses ${missing.length} settings`, async () => {
    await using test = new TestHub({ downloads: { host, baseUrl } });
    test.write("a.txt", "hello");
    assert.deepEqual((await test.link("a.txt")).missing, missing);
  });
}

Deno.test("an idle connection makes room for a new one, and the log says so once", async () => {
  await using test = new TestHub({ limits: { connections: 20, connectionsPerAddress: 10 } });
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  const idle: RawClient[] = [];
  for (let n = 0; n < 50; n++) idle.push(await RawClient.connect(link.url));
  assert.equal((await ask(link.url, PROGRAM)).text, "hello");
  const lines = test.log.filter((line) => line.includes("connections"));
  assert.deepEqual(lines, [
    "[warn] download links have 10 connections, the max: the oldest idle ones are closed\n",
  ]);
  for (const client of idle) client.close();
});

peerTest({
  name: "curl -OJ saves a file under its name, and never under the token of its link",
  peer: CURL,
  async fn() {
    await using test = new TestHub();
    using place = temporaryDirectory();
    const names = [
      ['a,b;c "q".txt', "a,b;c _q_.txt"],
      ['"quoted"', "_quoted_"],
      ['ends with "', "ends with _"],
      ["it's 100%.txt", "it's 100_.txt"],
      [" blank; filename=x.txt", " blank; filename=x.txt"],
      ["back\\slash.txt", "back_slash.txt"],
      ["ünï.txt", "_n_.txt"],
    ] as const;
    for (const [name, saved] of names) {
      test.write(name, name);
      const { url } = await test.link(name);
      await outputOf("curl", "-sSfOJ", "--output-dir", place.path, url);
      assert.equal(Deno.readTextFileSync(`${place.path}/${saved}`), name);
    }
    assert.equal([...Deno.readDirSync(place.path)].length, names.length);
  },
});

import assert from "node:assert/strict";
import { MAX_OPEN_LINKS } from "../../src/downloads/worker/link_store.ts";
import { CURL, peerTest } from "../peers/require.ts";
import { randomBytes, sha256, TestHub } from "./fixture.ts";
import { ask, BROWSER, PROGRAM } from "./http.ts";
import { outputOf } from "../support/command.ts";

const DEAD = "Download link not found, expired, or already used";

Deno.test("a program gets the exact bytes at once, and nobody gets them again", async () => {
  await using test = new TestHub();
  const content = randomBytes(1_500_000);
  test.write("naïve report.pdf", content);
  const link = await test.link("naïve report.pdf");
  const first = await ask(link.url);
  assert.equal(first.status, 200);
  assert.deepEqual(first.bytes, content);
  assert.equal(link.sha256, await sha256(content));
  assert.equal(link.size, content.length);
  for (const headers of [PROGRAM, BROWSER, { ...PROGRAM, Range: "bytes=0-" }]) {
    assert.equal((await ask(link.url, headers)).status, 404);
  }
  assert.deepEqual(test.hub.store.report().statistics, {
    total: 1,
    active: 0,
    used: 1,
    expired: 0,
  });
  assert.equal(test.hub.store.report().bytesServed, content.length);
});

Deno.test("a download has the headers that keep it private, intact and well named", async () => {
  await using test = new TestHub();
  test.write('ünï "q".txt', "hello");
  const link = await test.link('ünï "q".txt');
  const { headers } = await ask(link.url);
  const seen = Object.fromEntries(
    [
      "accept-ranges",
      "cache-control",
      "content-disposition",
      "content-length",
      "content-security-policy",
      "content-type",
      "etag",
      "referrer-policy",
      "x-content-type-options",
      "x-frame-options",
      "x-robots-tag",
    ].map((name) => [name, headers.get(name)]),
  );
  assert.deepEqual(seen, {
    "accept-ranges": "bytes",
    "cache-control": "no-store",
    "content-disposition":
      `attachment; filename="_n_ _q_.txt"; filename*=UTF-8''%C3%BCn%C3%AF%20%22q%22.txt`,
    "content-length": "5",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "content-type": "application/octet-stream",
    "etag": `"${link.sha256}"`,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
  });
});

Deno.test("HEAD reports everything and claims nothing", async () => {
  await using test = new TestHub();
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  for (const headers of [PROGRAM, { ...PROGRAM, Range: "bytes=1-2" }, BROWSER]) {
    const head = await ask(link.url, headers, "HEAD");
    assert.equal(head.bytes.length, 0);
    assert.equal(head.status, "Range" in headers ? 206 : 200);
  }
  assert.equal((await ask(link.url, PROGRAM, "HEAD")).headers.get("content-length"), "5");
  assert.equal((await ask(link.url)).text, "hello");
});

Deno.test("a browser gets a page, and the button downloads the file once", async () => {
  await using test = new TestHub();
  test.write("a <b>.txt", "hello");
  const link = await test.link("a <b>.txt");
  const page = await ask(link.url, BROWSER);
  assert.equal(page.status, 200);
  assert.match(page.headers.get("content-type") ?? "", /^text\/html/);
  assert.match(page.headers.get("content-security-policy") ?? "", /script-src 'sha256-[^']+'/);
  assert.ok(page.text.includes("a &lt;b&gt;.txt"));
  assert.ok(page.text.includes(link.sha256 ?? "no checksum"));
  assert.ok(page.bytes.length < 10_000);
  const click = { ...BROWSER, Origin: "null", "Sec-Fetch-Site": "same-origin" };
  const pressed = await ask(link.url, click, "POST");
  assert.equal(pressed.status, 200);
  assert.equal(pressed.text, "hello");
  assert.match(pressed.headers.get("content-disposition") ?? "", /^attachment/);
  const again = await ask(link.url, click, "POST");
  assert.equal(again.status, 404);
  assert.match(again.text, /does not work anymore/);
});

Deno.test("previews, prefetches and scanners see the page and use nothing up", async () => {
  await using test = new TestHub();
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  const bots = [
    { "User-Agent": "Slackbot-LinkExpanding 1.0", Accept: "*/*" },
    { "User-Agent": "WhatsApp/2.23.20.0", Accept: "*/*" },
    { ...PROGRAM, "Sec-Purpose": "prefetch" },
    { ...PROGRAM, "Purpose": "prefetch" },
    { ...PROGRAM, "X-Moz": "prefetch" },
  ];
  for (const bot of bots) {
    for (const method of ["GET", "HEAD", "POST"]) {
      const seen = await ask(link.url, bot, method);
      assert.equal(seen.status, 200, `${method} ${JSON.stringify(bot)}`);
      assert.match(seen.headers.get("content-type") ?? "", /^text\/html/);
    }
  }
  assert.deepEqual(test.actions(), ["created"]);
  assert.equal((await ask(link.url)).text, "hello");
});

Deno.test("dead links of every kind look alike, as page and as text", async () => {
  await using test = new TestHub();
  test.write("a.txt", "hello");
  const used = await test.link("a.txt");
  await ask(used.url);
  const revoked = await test.link("a.txt");
  test.hub.store.revoke(revoked.tokenId);
  const expired = await test.link("a.txt", 1);
  const unknown = used.url.replace(/[^/]+$/, "A".repeat(43));
  const odd = used.url.replace(/[^/]+$/, "..%2fetc");
  test.clock.advance(60_000);
  const answers = [];
  for (const url of [used.url, revoked.url, expired.url, unknown, odd]) {
    const text = await ask(url);
    const page = await ask(url, BROWSER);
    const headers = [...text.headers].filter(([name]) => name !== "date");
    answers.push(JSON.stringify([text.status, text.text, headers, page.status, page.text]));
    assert.equal(text.text, DEAD);
    assert.equal(page.status, 404);
  }
  assert.equal(new Set(answers).size, 1);
});

Deno.test("one of a hundred simultaneous claims wins", async () => {
  await using test = new TestHub();
  const content = randomBytes(300_000);
  test.write("a.bin", content);
  for (const method of ["GET", "POST"]) {
    const link = await test.link("a.bin");
    const answers = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const response = await fetch(link.url, { method, headers: PROGRAM });
        return [response.status, (await response.arrayBuffer()).byteLength];
      }),
    );
    const won = answers.filter(([status]) => status === 200);
    assert.deepEqual(won, [[200, content.length]], method);
    assert.equal(answers.filter(([status]) => status === 404 || status === 429).length, 99);
    test.clock.advance(60_000);
  }
});

Deno.test("a Range request gets a part, and the link stays open until all parts were sent", async () => {
  await using test = new TestHub();
  test.write("a.txt", "0123456789");
  const link = await test.link("a.txt");
  const part = await ask(link.url, { ...PROGRAM, Range: "bytes=0-3" });
  assert.equal(part.status, 206);
  assert.equal(part.text, "0123");
  assert.equal(part.headers.get("content-range"), "bytes 0-3/10");
  assert.equal(part.headers.get("content-length"), "4");
  const last = await ask(link.url, { ...PROGRAM, Range: "bytes=-2" });
  assert.equal(last.text, "89");
  assert.equal((await ask(link.url, { ...PROGRAM, Range: "bytes=20-" })).status, 416);
  const rest = await ask(link.url, {
    ...PROGRAM,
    Range: "bytes=4-",
    "If-Range": `"${link.sha256}"`,
  });
  assert.equal(rest.text, "456789");
  assert.equal((await ask(link.url, { ...PROGRAM, Range: "bytes=4-" })).status, 404);
});

Deno.test("If-Range with another ETag gets the complete file", async () => {
  await using test = new TestHub();
  test.write("a.txt", "0123456789");
  const link = await test.link("a.txt");
  const whole = await ask(link.url, { ...PROGRAM, Range: "bytes=4-", "If-Range": '"another"' });
  assert.equal(whole.status, 200);
  assert.equal(whole.text, "0123456789");
});

Deno.test("a part outside the file is refused and claims nothing", async () => {
  await using test = new TestHub();
  test.write("a.txt", "0123456789");
  const link = await test.link("a.txt");
  const refused = await ask(link.url, { ...PROGRAM, Range: "bytes=10-" });
  assert.equal(refused.status, 416);
  assert.equal(refused.headers.get("content-range"), "bytes */10");
  assert.equal((await ask(link.url, { ...PROGRAM, "User-Agent": "wget" })).text, "0123456789");
});

Deno.test("the claim's cookie is Secure over https only", async () => {
  await using test = new TestHub();
  test.write("a.txt", "hello");
  const link = await test.link("a.txt");
  const { headers } = await ask(link.url);
  const cookie = headers.get("set-cookie") ?? "";
  assert.match(cookie, /; Path=\/api\/download\/; HttpOnly; SameSite=Lax$/);
});

Deno.test("a lease ends with the link's time", async () => {
  await using test = new TestHub();
  test.write("a.txt", "0123456789");
  const link = await test.link("a.txt", 1);
  assert.equal((await ask(link.url, { ...PROGRAM, Range: "bytes=0-3" })).status, 206);
  await test.hub.store.settled();
  test.clock.advance(60_000);
  assert.equal((await ask(link.url, { ...PROGRAM, Range: "bytes=4-" })).status, 404);
  assert.deepEqual(test.hub.store.report().statistics, {
    total: 1,
    active: 0,
    used: 0,
    expired: 1,
  });
});

Deno.test("revoking ends the link and the download that runs on it", async () => {
  await using test = new TestHub();
  test.write("big.bin", randomBytes(30_000_000));
  const link = await test.link("big.bin");
  const response = await fetch(link.url, { headers: PROGRAM });
  const reader = response.body?.getReader();
  await reader?.read();
  test.hub.store.revoke(link.tokenId);
  await assert.rejects(async () => {
    while (!(await reader?.read())?.done);
  });
  assert.equal((await ask(link.url)).status, 404);
  assert.deepEqual(test.hub.store.report().statistics, {
    total: 1,
    active: 0,
    used: 0,
    expired: 1,
  });
});

peerTest({
  name: "DOWNLOAD_BIND_IP binds a link at its claim, not at the first look",
  peer: CURL,
  async fn() {
    await using test = new TestHub({ downloads: { host: "0.0.0.0", bindAddress: true } });
    test.write("a.txt", "0123456789");
    const link = await test.link("a.txt");
    const at = (address: string) => link.url.replace("localhost", address);
    assert.equal((await ask(at("127.0.0.1"), BROWSER)).status, 200);
    const claim = await ask(at("127.0.0.1"), { ...PROGRAM, Range: "bytes=0-3" });
    assert.equal(claim.status, 206);
    const cookie = (claim.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    const resume = ["-s", "-r", "4-", "-A", "curl/8.5.0", "-b", cookie];
    const status = ["-o", "/dev/null", "-w", "%{http_code}"];
    const url = at("127.0.0.1");
    assert.equal(
      await outputOf("curl", ...resume, ...status, "--interface", "127.0.0.2", url),
      "404",
    );
    assert.equal(await outputOf("curl", ...resume, url), "456789");
  },
});

Deno.test("at most 100 links are open", async () => {
  await using test = new TestHub();
  test.write("a.txt", "hello");
  for (let n = 0; n < MAX_OPEN_LINKS; n++) await test.link("a.txt");
  await assert.rejects(test.link("a.txt"), { code: "limit_reached" });
});

Deno.test("an empty file is a file", async () => {
  await using test = new TestHub();
  test.write("empty", "");
  const link = await test.link("empty");
  const { status, bytes, headers } = await ask(link.url);
  assert.deepEqual([status, bytes.length, headers.get("content-length")], [200, 0, "0"]);
  assert.equal((await ask(link.url)).status, 404);
});

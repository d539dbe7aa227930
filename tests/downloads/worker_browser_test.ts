import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import type { DownloadsConfig } from "../../src/config/config.ts";
import { CHROMIUM, startChromium } from "../peers/chromium.ts";
import { peerTest } from "../peers/require.ts";
import { randomBytes, sha256, TestHub } from "./fixture.ts";
import { ask } from "./http.ts";
import { until } from "../support/until.ts";

interface BrowserTest {
  readonly name: string;
  run(page: Page, test: TestHub): Promise<void>;
  readonly downloads?: Partial<DownloadsConfig>;
  readonly context?: Parameters<Browser["newContext"]>[0];
}

// A browser takes a second to start. Each test has a context of its own, which shares nothing.
let browser: Browser | undefined;
if (CHROMIUM.installed) {
  Deno.test.beforeAll(async () => {
    browser = await startChromium();
  });
  Deno.test.afterAll(() => browser?.close());
}

function browserTest({ name, run, context, downloads }: BrowserTest): void {
  peerTest({
    name: `in a browser ${name}`,
    peer: CHROMIUM,
    async fn() {
      assert.ok(browser);
      await using test = new TestHub(downloads === undefined ? {} : { downloads });
      const pages = await browser.newContext(context);
      try {
        await run(await pages.newPage(), test);
      } finally {
        await pages.close();
      }
    },
  });
}

async function press(page: Page): Promise<{ name: string; bytes: Uint8Array<ArrayBuffer> }> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download" }).click(),
  ]);
  const path = await download.path();
  return { name: download.suggestedFilename(), bytes: new Uint8Array(Deno.readFileSync(path)) };
}

browserTest({
  name: "the first click downloads the exact bytes, and a reload says that the link is over",
  async run(page, test) {
    const content = randomBytes(3_000_000);
    test.write("Bericht – März.pdf", content);
    const link = await test.link("Bericht – März.pdf");
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (message) => problems.push(message.text()));
    await page.goto(link.url);
    assert.equal(await page.getByRole("heading").textContent(), "Bericht – März.pdf");
    assert.equal(await page.locator("code").textContent(), await sha256(content));
    assert.deepEqual(problems, []);
    const { name, bytes } = await press(page);
    assert.equal(name, "Bericht – März.pdf");
    assert.deepEqual(bytes, content);
    await page.reload();
    assert.match(await page.getByRole("heading").textContent() ?? "", /does not work anymore/);
  },
});

browserTest({
  name: "the page works without script",
  context: { javaScriptEnabled: false },
  async run(page, test) {
    test.write("tree/a.txt", "hello");
    const link = await test.link("tree");
    await page.goto(link.url);
    assert.match(await page.getByRole("timer").textContent() ?? "", /^in 5:00 minutes$/);
    const { name, bytes } = await press(page);
    assert.equal(name, "tree.zip");
    assert.equal(new TextDecoder().decode(bytes.subarray(0, 2)), "PK");
  },
});

for (const javaScriptEnabled of [true, false]) {
  browserTest({
    name: `the page says that the download has started, with script ${javaScriptEnabled}`,
    context: { javaScriptEnabled },
    async run(page, test) {
      test.write("a.txt", "hello");
      await page.goto((await test.link("a.txt")).url);
      const [before, after] = [/This link works once/, /The download has started/];
      const status = page.getByRole("status");
      assert.match(await status.innerText(), before);
      assert.doesNotMatch(await status.innerText(), after);
      await page.keyboard.press("Tab");
      assert.doesNotMatch(await status.innerText(), after);
      assert.equal(new TextDecoder().decode((await press(page)).bytes), "hello");
      await page.getByText(after).waitFor({ state: "visible" });
      // A visitor whose download breaks off still needs it.
      assert.match(await status.innerText(), before);
    },
  });
}

browserTest({
  name: "the page speaks the language of the browser, and a click selects the checksum",
  context: { locale: "de-DE" },
  downloads: { sender: "Ada <Lovelace>" },
  async run(page, test) {
    test.write("a.txt", "x".repeat(1_500_000));
    const link = await test.link("a.txt");
    await page.goto(link.url);
    assert.equal(await page.getByRole("button").textContent(), "Herunterladen");
    assert.match(await page.getByRole("timer").textContent() ?? "", /^in [45]:\d\d Minuten$/);
    const text = await page.locator("main").innerText();
    assert.match(text, /Von Ada <Lovelace>/);
    assert.match(text, /1,5\s+MB/);
    await page.locator("code").click();
    assert.equal(await page.evaluate("getSelection().toString()"), link.sha256);
    await page.goto(`${link.url}x`);
    assert.match(await page.getByRole("heading").textContent() ?? "", /funktioniert nicht mehr/);
  },
});

browserTest({
  name: "the page of a directory lists its first 20 names, and how many more there are",
  async run(page, test) {
    for (let number = 10; number < 40; number++) test.write(`tree/f${number}.txt`, "x");
    test.write("tree/a/deep/down.txt", "x");
    await page.goto((await test.link("tree")).url);
    const names = await page.getByRole("listitem").allTextContents();
    const files = Array.from({ length: 19 }, (_, index) => `f${index + 10}.txt`);
    assert.deepEqual(names, ["a/", ...files, "and 11 more"]);
  },
});

browserTest({
  name: "the button has a border where the system chooses the colors",
  context: { forcedColors: "active" },
  async run(page, test) {
    test.write("a.txt", "hello");
    await page.goto((await test.link("a.txt")).url);
    const width = "getComputedStyle(document.getElementById('download')).borderTopWidth";
    assert.equal(await page.evaluate(width), "2px");
  },
});

browserTest({
  name: "a link that a preview has opened before still works",
  async run(page, test) {
    test.write("a.txt", "hello");
    const link = await test.link("a.txt");
    const bot = { "User-Agent": "Slackbot-LinkExpanding 1.0", Accept: "*/*" };
    for (const method of ["HEAD", "GET"]) {
      assert.equal((await ask(link.url, bot, method)).status, 200);
    }
    await page.goto(link.url);
    assert.equal(new TextDecoder().decode((await press(page)).bytes), "hello");
  },
});

browserTest({
  name: "the countdown reaches zero and takes the button away",
  async run(page, test) {
    test.write("a.txt", "hello");
    const link = await test.link("a.txt", 1);
    await page.clock.install({ time: 0 });
    await page.clock.pauseAt(1_000);
    await page.goto(link.url);
    const timer = page.getByRole("timer");
    assert.equal(await timer.textContent(), "in 1:00 minutes");
    await page.clock.runFor(15_000);
    assert.equal(await timer.textContent(), "in 0:45 minutes");
    await page.clock.runFor(45_000);
    assert.equal(await timer.textContent(), "expired");
    assert.equal(await page.getByRole("button", { name: "Download" }).isDisabled(), true);
    assert.match(await page.getByRole("status").textContent() ?? "", /has expired/);
    test.clock.advance(60_000);
    await page.reload();
    assert.match(await page.getByRole("heading").textContent() ?? "", /does not work anymore/);
  },
});

browserTest({
  name: "a download that the network broke off is finished by the same click",
  async run(page, test) {
    const content = randomBytes(20_000_000);
    test.write("big.bin", content);
    const link = await test.link("big.bin");
    await using cut = cutOnce(test.hub.port, 5_000_000);
    await page.goto(link.url.replace(`:${test.hub.port}/`, `:${cut.port}/`));
    const { bytes } = await press(page);
    assert.deepEqual(await sha256(bytes), link.sha256);
    assert.equal(cut.wasCut(), true);
    assert.ok(test.actions().includes("interrupted"));
    await test.hub.store.settled();
    assert.equal(test.hub.store.report().statistics.used, 1);
  },
});

browserTest({
  name: "an interrupted download is resumed from the chat that the link is in",
  async run(page, test) {
    const content = randomBytes(20_000_000);
    test.write("big.bin", content);
    const { url } = await test.link("big.bin");
    await using slow = cutOnce(test.hub.port, 5_000_000, "hold");
    const href = url.replace(`:${test.hub.port}/`, `:${slow.port}/`);
    // Another name of this machine is another site.
    const chat = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () =>
        new Response(`<a href="${href}">the file</a>`, {
          headers: { "Content-Type": "text/html" },
        }),
    );
    const open = async () => {
      await page.goto(`http://localhost:${chat.addr.port}/`);
      await page.getByRole("link").click();
      return await page.getByRole("heading").textContent();
    };
    try {
      assert.equal(await open(), "big.bin");
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name: "Download" }).click(),
      ]);
      await until("the cut", slow.wasCut);
      await download.cancel();
      await until("interrupted", () => test.actions().includes("interrupted"));
      assert.equal(await open(), "big.bin");
      assert.deepEqual((await press(page)).bytes, content);
    } finally {
      await chat.shutdown();
    }
  },
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [390, 1280]) {
    browserTest({
      name: `the page fits ${width} pixels in ${colorScheme} and can be read and operated`,
      context: { colorScheme, viewport: { width, height: 800 } },
      async run(page, test) {
        test.write(`${"a-very-long-name-".repeat(10)}.txt`, "hello");
        const link = await test.link(`${"a-very-long-name-".repeat(10)}.txt`);
        for (const url of [link.url, `${link.url}x`]) {
          await page.goto(url);
          const overflow = "document.documentElement.scrollWidth - innerWidth";
          assert.ok(Number(await page.evaluate(overflow)) <= 0);
          const texts = '[...document.querySelectorAll("h1,p,dt,dd,button,code")]';
          const contrasts = await page.evaluate<number[]>(`${texts}.map(${CONTRAST})`);
          assert.ok(contrasts.length > 2);
          assert.ok(Math.min(...contrasts) >= 4.5, JSON.stringify(contrasts));
        }
        await page.goto(link.url);
        await page.keyboard.press("Tab");
        assert.equal(await page.evaluate("document.activeElement.id"), "download");
        const { height } = await page.locator("#download").boundingBox() ?? { height: 0 };
        assert.ok(height >= 44);
      },
    });
  }
}

/** The contrast of an element's text with what is behind it. Source: WCAG 2.2, relative luminance. */
const CONTRAST = `(element) => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = color.map((c) => c / 255).map((c) =>
      c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let back = element;
  while (back && (parse(getComputedStyle(back).backgroundColor)[3] ?? 1) === 0) back = back.parentElement;
  const a = light(parse(getComputedStyle(element).color).slice(0, 3));
  const b = light(parse(getComputedStyle(back ?? document.body).backgroundColor).slice(0, 3));
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}`;

/** A way to a port that breaks, or holds, the first connection that carries more than so many bytes. */
function cutOnce(port: number, limitBytes: number, how: "break" | "hold" = "break") {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  let isCut = false;
  const pump = async (from: Deno.Conn, to: Deno.Conn, counts: boolean) => {
    const buffer = new Uint8Array(65_536);
    let total = 0;
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) break;
        total += count;
        if (counts && !isCut && total > limitBytes) {
          isCut = true;
          if (how === "hold") return;
          break;
        }
        for (let done = 0; done < count;) done += await to.write(buffer.subarray(done, count));
      }
    } catch {
      // One side has gone; the other follows.
    }
    for (const connection of [from, to]) {
      if (open.delete(connection)) connection.close();
    }
  };
  const accepting = (async () => {
    for await (const client of listener) {
      const server = await Deno.connect({ hostname: "127.0.0.1", port });
      open.add(client).add(server);
      pump(client, server, false);
      pump(server, client, true);
    }
  })();
  return {
    port: listener.addr.port,
    wasCut: () => isCut,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const connection of [...open]) {
        if (open.delete(connection)) connection.close();
      }
    },
  };
}

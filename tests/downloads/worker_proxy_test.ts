import assert from "node:assert/strict";
import { NGINX, startNginxProxy } from "../peers/nginx.ts";
import { CURL, peerTest } from "../peers/require.ts";
import { randomBytes, TestHub } from "./fixture.ts";
import { ask, PROGRAM, RawClient } from "./http.ts";
import { until } from "../support/until.ts";

/** Waits until a number has not grown for half a second: a proxy that stores the answer takes all of it. */
async function standsStill(read: () => number): Promise<void> {
  for (let last = -1, same = 0; same < 5;) {
    const now = read();
    same = now === last ? same + 1 : 0;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A hub behind nginx as it comes, and a function that makes links through it. */
async function behindNginx() {
  const test = new TestHub();
  await test.hub.start();
  const proxy = await startNginxProxy(`http://127.0.0.1:${test.hub.port}`);
  const link = async (path: string) => {
    const made = await test.link(path);
    return { ...made, url: `${proxy.url.replace(/\/$/, "")}${new URL(made.url).pathname}` };
  };
  return {
    test,
    link,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await test[Symbol.asyncDispose]();
    },
  };
}

const get = (url: string): string =>
  `GET ${
    new URL(url).pathname
  } HTTP/1.1\r\nHost: x\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n`;

peerTest({
  name: "a download of 60 MB behind nginx that broke off at 21 MB can be resumed",
  peer: NGINX,
  async fn() {
    await using place = await behindNginx();
    const { test } = place;
    const content = randomBytes(60_000_000);
    test.write("big.bin", content);
    const { url } = await place.link("big.bin");
    {
      await using client = await RawClient.connect(url);
      await client.send(get(url));
      for (let read = 0; read < 21_000_000;) read += await client.read(1_000_000);
      await standsStill(() => test.hub.store.report().bytesServed);
    }
    await until("interrupted", () => test.actions().includes("interrupted"));
    const bytes = Number(test.events.find(({ action }) => action === "interrupted")?.bytes);
    assert.ok(bytes <= 30_000_000, `${bytes} bytes are said to be received`);
    const rest = await ask(url, {
      ...PROGRAM,
      "User-Agent": "curl/8.5.0",
      Range: "bytes=21000000-",
    });
    assert.equal(rest.status, 206);
    assert.deepEqual(rest.bytes, content.subarray(21_000_000));
    await until("used", () => test.actions().includes("used"));
    assert.equal((await ask(url)).status, 404);
  },
});

peerTest({
  name: "an archive that was downloaded through nginx is used up",
  peer: NGINX,
  async fn() {
    await using place = await behindNginx();
    const { test } = place;
    test.write("tree/a", randomBytes(3_000_000));
    const { url } = await place.link("tree");
    const answer = await ask(url, PROGRAM);
    assert.ok(answer.bytes.length > 3_000_000);
    await until("the end", () => test.actions().length > 2);
    assert.deepEqual(test.actions(), ["created", "claimed", "used"]);
    assert.equal((await ask(url, PROGRAM)).status, 404);
  },
});

const WAYS = [["nginx", "revoked"], ["curl -0", "revoked"], ["curl", "revoked"]] as const;
const STOPS = [["nginx", "stopped"], ["curl -0", "stopped"]] as const;

for (const [through, what] of [...WAYS, ...STOPS]) {
  const subject = what === "revoked" ? "an archive that is revoked" : "a server that is stopped";
  peerTest({
    name: `${subject} midway is an error for ${through}`,
    peer: [NGINX, CURL],
    async fn() {
      await using place = await behindNginx();
      const { test } = place;
      for (const name of ["a", "b", "c"]) test.write(`tree/${name}`, randomBytes(30_000_000));
      const proxied = await place.link("tree");
      const url = through === "nginx"
        ? proxied.url
        : `http://127.0.0.1:${test.hub.port}${new URL(proxied.url).pathname}`;
      const args = ["-s", "--limit-rate", "5M", ...(through === "curl -0" ? ["-0"] : [])];
      const child = new Deno.Command("curl", {
        args: [...args, "-o", test.outside("tree.zip"), url],
        stdin: "null",
      }).spawn();
      await until("a megabyte served", () => test.hub.store.report().bytesServed > 1_000_000);
      if (what === "revoked") test.hub.store.revoke(proxied.tokenId);
      else await test.hub.close();
      const { code } = await child.status;
      assert.ok([18, 52, 56].includes(code), `curl ended with ${code}`);
      await test.hub.store.settled();
      assert.deepEqual(test.hub.store.report().statistics.used, 0);
    },
  });
}

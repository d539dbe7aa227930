import assert from "node:assert/strict";
import { run } from "./account.ts";
import { startDelayProxy } from "./delay_proxy.ts";
import { differences, NAMES, PEERS, Site, withSite, write } from "./directory_site.ts";
import { openSession } from "./openssh.ts";
import { peerTest } from "./require.ts";

const page = (index: number) => `section ${index % 10}/${"a long name ".repeat(8)}${index}`;
const PAGES = Object.fromEntries(
  Array.from({ length: 200 }, (_, index) => [page(index), `content ${index} `.repeat(300)]),
);

peerTest({
  name: "the files of a small directory come with its list, and none is requested",
  peer: PEERS,
  async fn() {
    await withSite(async ({ sshd }) => {
      await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 0 });
      await using session = await openSession(sshd, { port: proxy.port });
      const site = new Site(session, sshd);
      write(site.remote, PAGES);
      const asked: number[] = [];
      for (const localPath of ["site", "second", "third"]) {
        const before = proxy.traffic().bytes.to_target;
        const { sent, failed, warnings } = await site.copy("download", { localPath });
        asked.push(proxy.traffic().bytes.to_target - before);
        assert.deepEqual([sent, failed, warnings], [200, [], []]);
      }
      // The paths alone have 24,000 bytes. The first copies also send what the connection needs.
      const least = Math.min(...asked);
      assert.ok(least < 24_000, `${least} bytes were sent to the host`);
      assert.equal(await differences(site.remote, site.local), "");
    });
  },
});

peerTest({
  name: "what comes with the list is chosen as what is requested: odd names, links, holes, changes",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      write(site.remote, { ...NAMES, "run.sh": "#!/bin/sh\n", "old": "content" });
      Deno.chmodSync(`${site.remote}/run.sh`, 0o755);
      Deno.linkSync(`${site.remote}/index.html`, `${site.remote}/second name`);
      Deno.symlinkSync("index.html", `${site.remote}/link`);
      await run("mkfifo", [`${site.remote}/fifo`]);
      const first = await site.copy("download");
      assert.deepEqual(first.failed.map(({ path }) => path).sort(), ["fifo", "link"]);
      assert.equal(first.sent, Object.keys(NAMES).length - 1 + 3);
      // The removal sets the time of their directory.
      for (const path of ["fifo", "link"]) Deno.removeSync(`${site.remote}/${path}`);
      assert.equal(await differences(site.remote, site.local, "-O"), "");
      // A file of holes is no reason to send what is not small.
      await run("truncate", ["-s", "5000000", `${site.remote}/holes`]);
      write(site.remote, { "old": "another" });
      const second = await site.copy("download");
      assert.deepEqual([second.sent, second.failed], [2, []]);
      const third = await site.copy("download", { localPath: "elsewhere", exclude: ["/old"] });
      assert.deepEqual([third.sent, third.failed], [first.sent, []]);
      const empty = `${site.session.dir}/empty`;
      Deno.mkdirSync(empty);
      const fourth = await site.copy("download", { localPath: "empty", overwrite: false });
      assert.deepEqual([fourth.sent, fourth.failed], [first.sent + 1, []]);
      assert.equal(await differences(site.remote, empty), "");
    });
  },
});

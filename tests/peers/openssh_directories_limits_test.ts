/** What a copy of a directory must not touch, and what it says when it cannot. */
import assert from "node:assert/strict";
import { run } from "./account.ts";
import { differences, own, PEERS, tree, withSite, write } from "./directory_site.ts";
import { isRoot } from "./openssh.ts";
import { peerTest, ROOT } from "./require.ts";
import { writeExecutable } from "../support/executable.ts";

const reasons = (failed: readonly { readonly path: string; readonly reason: string }[]) =>
  Object.fromEntries(failed.map(({ path, reason }) => [path, reason]));

for (const hosts of ["shell", "SFTP"] as const) {
  peerTest({
    name:
      `a download creates none of the server's own files, although they do not exist (${hosts})`,
    peer: PEERS,
    async fn() {
      await withSite(
        async (site) => {
          write(site.remote, { "page": "1", ".env": "HOST=evil", "keys/known_hosts": "evil" });
          const { sent, failed } = await site.copy("download");
          assert.equal(sent, 1);
          assert.deepEqual(reasons(failed), {
            ".env": "file of this server",
            "keys": "file of this server",
            "keys/known_hosts": "file of this server",
          });
          assert.equal(await tree(site.local), "\npage");
        },
        hosts === "SFTP" ? { config: ["ForceCommand internal-sftp"] } : {},
        { own: ["site/.env", "site/keys"] },
      );
    },
  });
}

peerTest({
  name: "a dry run of a download counts no link that cannot be made, and says what delete would do",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      write(site.remote, { "page": "1" });
      write(site.local, { "page": "1" });
      Deno.symlinkSync("page", `${site.remote}/new`);
      Deno.symlinkSync("page", `${site.remote}/same`);
      Deno.symlinkSync("page", `${site.local}/same`);
      const [dry, done] = [
        await site.copy("download", { dryRun: true }),
        await site.copy("download"),
      ];
      for (const { sent, unchanged, failed } of [dry, done]) {
        assert.deepEqual([sent, unchanged, Object.keys(reasons(failed))], [0, 2, ["new"]]);
      }
    });
  },
});

peerTest({
  name: "several copies of the same directory at once do not disturb each other",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      const paths = Array.from({ length: 40 }, (_, at) => `${at % 7}/${at}`);
      write(site.local, Object.fromEntries(paths.map((path) => [path, path.repeat(1_000)])));
      const times = <T>(work: () => Promise<T>) => Promise.all(Array.from({ length: 3 }, work));
      for (const { failed } of await times(() => site.copy("upload"))) assert.deepEqual(failed, []);
      const back = { localPath: "back" };
      const copies = await times(() => site.copy("download", back));
      for (const { failed } of copies) assert.deepEqual(failed, []);
      assert.equal(await differences(site.local, `${site.session.dir}/back`), "");
      assert.deepEqual(site.beside(), ["site"]);
    });
  },
});

peerTest({
  name: "an upload to where the login may not write says so",
  peer: [...PEERS, ROOT],
  async fn() {
    await withSite(async (site) => {
      write(site.local, { "page": "1" });
      write(site.remote, {});
      Deno.mkdirSync(site.remote);
      Deno.chownSync(`${site.sshd.home}/www`, 0, 0);
      await assert.rejects(site.copy("upload"), {
        code: "not_permitted",
        message: /^Cannot write to the directory .*\/www\/site on the host: .*Permission denied/,
      });
      const below = { kind: "host", path: `${site.remote}/new/deep` } as const;
      await assert.rejects(site.copy("upload", { remote: below }), {
        code: "not_permitted",
        message: /new\/deep on the host: .*Permission denied/,
      });
    });
  },
});

for (const login of isRoot ? ["root", "user"] as const : ["user"] as const) {
  peerTest({
    name: `uploaded files get the group of a directory that passes it on (${login})`,
    peer: [...PEERS, ROOT],
    async fn() {
      await withSite(async (site) => {
        const { sshd } = site;
        write(site.local, { "top": "1", "sub/file": "2", "made/deep/file": "3" });
        write(site.remote, { "sub/old": "x" });
        await site.give();
        const group = 12_345;
        await run("chgrp", ["-R", String(group), site.remote]);
        await run("chmod", ["2777", site.remote, `${site.remote}/sub`]);
        own(sshd, `${site.sshd.home}/www`);
        const { failed } = await site.copy("upload");
        assert.deepEqual(failed, []);
        for (const path of ["top", "sub/file", "made", "made/deep", "made/deep/file", "sub/old"]) {
          assert.equal(Deno.statSync(`${site.remote}/${path}`).gid, group, path);
        }
        // Only a member of the group may set that bit.
        for (const path of login === "root" ? ["", "sub", "made", "made/deep"] : []) {
          assert.equal((Deno.statSync(`${site.remote}/${path}`).mode ?? 0) & 0o2000, 0o2000, path);
        }
      }, { loginUser: login });
    },
  });
}

peerTest({
  name: "over SFTP, what cannot be read is named, and the rest is copied",
  peer: [...PEERS, ROOT],
  async fn() {
    await withSite(async (site) => {
      write(site.remote, { "page": "1", "secret": "2", "closed/inner": "3", "open/file": "4" });
      write(site.local, { "secret": "x", "closed/mine": "5" });
      await site.give();
      for (const path of ["secret", "closed"]) {
        Deno.chmodSync(`${site.remote}/${path}`, 0);
        Deno.chownSync(`${site.remote}/${path}`, 0, 0);
      }
      const down = await site.copy("download", { deleteCount: 0 });
      assert.deepEqual([down.sent, down.deleted], [2, 0]);
      const { secret, ...rest } = reasons(down.failed);
      assert.match(String(secret), /permission denied/);
      assert.deepEqual(rest, { closed: "cannot be read" });
      assert.equal(Deno.readTextFileSync(`${site.local}/closed/mine`), "5");
    }, { config: ["ForceCommand internal-sftp"] });
  },
});

peerTest({
  name: "over SFTP, a file replaces a link and not the file behind it",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      write(site.local, { "page": "new" });
      write(site.remote, { "other": "precious" });
      Deno.symlinkSync("other", `${site.remote}/page`);
      await site.give();
      const { sent, failed, warnings } = await site.copy("upload");
      assert.deepEqual([sent, failed, warnings], [1, [], []]);
      assert.ok(Deno.lstatSync(`${site.remote}/page`).isFile);
      assert.equal(Deno.readTextFileSync(`${site.remote}/page`), "new");
      assert.equal(Deno.readTextFileSync(`${site.remote}/other`), "precious");
      assert.deepEqual([...Deno.readDirSync(site.remote)].length, 2);
    }, { config: ["ForceCommand internal-sftp"] });
  },
});

peerTest({
  name: "without tar on the host, each file is compared with the host's own hash",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      const { home } = site.sshd;
      const programs = "sh find stat xargs dd mkdir mv rm sort cat head readlink env printf";
      Deno.mkdirSync(`${home}/bin`);
      for (const name of programs.split(" ")) {
        Deno.symlinkSync(`/usr/bin/${name}`, `${home}/bin/${name}`);
      }
      const hash = (text: string) =>
        writeExecutable(`${home}/bin/sha256sum`, `#!/bin/sh\n${text}\n`);
      Deno.writeTextFileSync(`${home}/.bashrc`, `PATH=${home}/bin\n`);
      hash('exec /usr/bin/sha256sum "$@"');
      write(site.remote, { "page": "1", "sub/other": "2" });
      const right = await site.copy("download", { localPath: "right" });
      assert.deepEqual([right.sent, right.failed], [2, []]);
      hash(`/usr/bin/cat > /dev/null; echo ${"0".repeat(64)}`);
      const wrong = await site.copy("download", { localPath: "wrong" });
      assert.equal(wrong.sent, 0);
      assert.deepEqual(reasons(wrong.failed), {
        "page": "changed while it was read",
        "sub/other": "changed while it was read",
      });
    }, { shell: "/bin/bash" });
  },
});

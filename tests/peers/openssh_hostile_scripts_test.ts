/** Hosts whose programs lie, stop halfway or never end: nothing incomplete is taken for complete. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ShellEndpoint } from "../../src/ssh/worker/files/remote_file_errors.ts";
import { run } from "./account.ts";
import { PEERS, type Site, withSite, write } from "./directory_site.ts";
import { peerTest, ROOT, SSHD } from "./require.ts";
import { writeExecutable } from "../support/executable.ts";

const signal = () => new AbortController().signal;

/** Puts programs before the host's own, and returns an endpoint that uses them. */
function withPrograms(
  { sshd }: Pick<Site, "sshd">,
  path: string,
  programs: Readonly<Record<string, string>>,
): ShellEndpoint {
  const dir = `${sshd.home}/programs${Object.keys(programs).join("_")}`;
  Deno.mkdirSync(dir, { recursive: true });
  for (const [name, script] of Object.entries(programs)) {
    writeExecutable(`${dir}/${name}`, `#!/bin/sh\n${script}\n`);
  }
  return { kind: "shell", prefix: `env PATH=${dir}:/usr/bin:/bin`, path, label: "box" };
}

/** Ends the script that has started the program, as a lost connection does. */
const DIE = "kill -9 $PPID";

peerTest({
  name: "a page, a list and a file that end in the middle are not taken for complete",
  peer: [...PEERS, SSHD],
  async fn() {
    await withSite(async (site) => {
      const text = Array.from({ length: 20_000 }, (_, index) => `line ${index + 1}\n`).join("");
      write(site.remote, { "log": text, "sub/other": "x" });
      const { host } = site.session;
      const page = { fromLine: 2, lines: 100, tailLines: undefined };
      const limits = { maxCharacters: 25_000, maxBytes: 1_000 };
      const log = `${site.remote}/log`;
      // Some login shells report the end of a killed command, and some are replaced by it.
      const lost = { message: /was stopped there \(exit code 137\)|connection was lost/ };
      const tail = withPrograms(site, log, { tail: `echo 'line 2'; ${DIE}` });
      await assert.rejects(host.text.readPage({ from: tail, ...page, ...limits }, signal()), lost);
      const head = withPrograms(site, log, { head: `/usr/bin/head -c 100000; ${DIE}` });
      await assert.rejects(host.text.readContent(head, 1_000_000, signal()), {
        code: "io_error",
        message: /log ended after 100000 of 208894 bytes/,
      });
      const script =
        `case $1 in /dev/null) exit 1;; esac; printf '81a4 1 0 0 root\\0./a\\0\\0'; ${DIE}`;
      const directory = withPrograms(site, site.remote, { find: script });
      const listing = { directory, depth: 1, hidden: false, limit: 10 };
      await assert.rejects(host.text.listEntries(listing, signal()), lost);
    });
  },
});

peerTest({
  name: "the target of a link cannot speak for the host",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      write(site.local, { "page": "new" });
      write(site.remote, { "page": "old" });
      const lines = ["//E", "//V 0 1", "//E", "//81a4 3 0 0 0 .//ghost", ""];
      Deno.symlinkSync(`x\n${lines.join("\n")}`, `${site.remote}/evil`);
      await site.give();
      const dry = await site.copy("upload", { dryRun: true });
      assert.deepEqual([dry.sent, dry.deleted, dry.failed], [1, 1, []]);
      const down = await site.copy("download", { localPath: "back" });
      assert.deepEqual(down.failed.map(({ path }) => path), ["evil"]);
      assert.equal(down.sent, 1);
      const up = await site.copy("upload");
      assert.deepEqual([up.sent, up.failed], [1, []]);
      assert.equal(Deno.readTextFileSync(`${site.remote}/page`), "new");
      Deno.symlinkSync("line\nfeed", `${site.local}/odd`);
      assert.deepEqual((await site.copy("upload")).failed, [{
        path: "odd",
        reason: "symbolic link with a line feed in its target",
      }]);
    });
  },
});

const HASH = "a".repeat(64);

/** Programs that print more than was asked for, and never end. */
const ENDLESS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "records without end": { sha256sum: `yes '${HASH}  .//page'`, openssl: `yes '${HASH} *.//page'` },
  "a record without end": { sha256sum: "yes more", openssl: "yes more" },
};

peerTest({
  name: "answers without end are refused and use little memory",
  peer: [...PEERS, ROOT],
  async fn() {
    await withSite(async (site) => {
      write(site.local, { "page": "old" });
      write(site.remote, { "page": "new" });
      await site.give();
      for (const [name, programs] of Object.entries(ENDLESS)) {
        const remote = withPrograms(site, site.remote, programs);
        await assert.rejects(site.copy("upload", { remote }), {
          code: "io_error",
          message: /unexpected answer during the copy of a directory/,
        }, name);
      }
      const used = Deno.memoryUsage().heapUsed;
      assert.ok(used < 1_000_000_000, String(used));
    });
  },
});

const TOOLS = "sh find stat xargs dd mkdir mv rm sort cat sha256sum readlink touch chmod ls rmdir";

/** @param perl whether the host has it */
function withOrWithout(
  perl: "with" | "without",
  site: Site,
  path: string,
  programs: Readonly<Record<string, string>>,
): ShellEndpoint {
  const end = withPrograms(site, path, programs);
  if (perl === "with") return end;
  const dir = end.prefix.replace(/^env PATH=([^:]*):.*$/, "$1");
  for (const name of TOOLS.split(" ")) Deno.symlinkSync(`/usr/bin/${name}`, `${dir}/${name}`);
  return { ...end, prefix: `/usr/bin/env PATH=${dir}` };
}

for (const perl of ["with", "without"] as const) {
  peerTest({
    name: `an upload makes a directory behind a link (${perl} perl)`,
    peer: PEERS,
    async fn() {
      await withSite(async (site) => {
        write(site.local, { "sub/deep/file": "new", "page": "2" });
        Deno.symlinkSync("www", `${site.sshd.home}/link`);
        const path = `${site.sshd.home}/link/new/site`;
        const remote = withOrWithout(perl, site, path, { tar: 'exec /usr/bin/tar "$@"' });
        const { sent, failed } = await site.copy("upload", { remote });
        assert.deepEqual([sent, failed], [2, []]);
        assert.equal(Deno.readTextFileSync(`${path}/sub/deep/file`), "new");
        write(site.local, { "page": "3" });
        Deno.removeSync(`${site.local}/sub/deep/file`);
        const next = await site.copy("upload", { remote, deleteCount: 1 });
        assert.deepEqual([next.sent, next.deleted, next.failed], [1, 1, []]);
      });
    },
  });

  peerTest({
    name: `an upload does not follow a directory that becomes a link meanwhile (${perl} perl)`,
    peer: PEERS,
    async fn() {
      await withSite(async (site) => {
        write(site.local, { "sub/deep/file": "new", "sub/deep/same": "1", "good": "2" });
        write(site.remote, { "sub/deep/same": "1", "sub/deep/extra": "3", "sub/deep/file": "old" });
        const outside = `${site.sshd.home}/www/outside`;
        write(outside, { "deep/same": "1", "deep/extra": "precious", "deep/file": "precious" });
        Deno.chmodSync(`${outside}/deep/same`, 0o600);
        await site.give();
        await run("chown", ["-R", String(site.sshd.uid), outside]);
        // The archive is unpacked when the list has been made.
        const sub = `${site.remote}/sub`;
        const tar = `/usr/bin/tar "$@"; [ -L ${sub} ] || ` +
          `{ /usr/bin/mv ${sub} ${site.remote}/away; /usr/bin/ln -s ../outside ${sub}; }`;
        const remote = withOrWithout(perl, site, site.remote, { tar });
        const { failed } = await site.copy("upload", { remote, deleteCount: 1 });
        assert.deepEqual(failed.map(({ path }) => path).toSorted(), [
          "sub/deep/extra",
          "sub/deep/file",
        ]);
        const left = ["deep/extra", "deep/file"].map((name) =>
          Deno.readTextFileSync(`${outside}/${name}`)
        );
        assert.deepEqual(left, ["precious", "precious"]);
        assert.equal((Deno.statSync(`${outside}/deep/same`).mode ?? 0) & 0o777, 0o600);
        assert.equal(Deno.readTextFileSync(`${site.remote}/good`), "2");
      });
    },
  });
}

peerTest({
  name: "nothing is deleted below a directory that the host could list only in part",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      write(site.remote, { "page": "1", "sub/a": "2", "sub/b": "3" });
      write(site.local, { "page": "1", "sub/a": "2", "sub/b": "3", "extra": "4" });
      // As on a bad disk.
      const remote = withPrograms(site, site.remote, {
        find:
          `case $* in *stat*) shift; /usr/bin/find .// ! -path '*/sub/*' "$@"; exit 1;; esac; shift; ` +
          `exec /usr/bin/find .// ! -path '*/sub/*' "$@"`,
        ls: `case $* in *sub) exit 2;; esac; exec /usr/bin/ls "$@"`,
      });
      const dry = await site.copy("download", { remote, dryRun: true });
      assert.deepEqual([dry.deleted, dry.failed], [1, [{ path: "sub", reason: "cannot be read" }]]);
    });
  },
});

peerTest({
  name: "the facts about a file that grows while it is read belong together",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      const log = `${site.remote}/log`;
      write(site.remote, { "log": "1\n2\n3\n" });
      await site.give();
      Deno.chmodSync(log, 0o666);
      const from = withPrograms(site, log, {
        wc: `/usr/bin/wc "$@"; case $1 in -l) printf '4\n5\n' >> ${log};; esac`,
      });
      const limits = { from, lines: undefined, maxCharacters: 1_000, maxBytes: 1_000 };
      for (const part of [{ fromLine: 1, tailLines: 2 }, { fromLine: 2, tailLines: undefined }]) {
        Deno.writeTextFileSync(log, "1\n2\n3\n");
        const page = await site.session.host.text.readPage({ ...limits, ...part }, signal());
        assert.deepEqual(
          [page.text, page.firstLine, page.lastLine, page.totalLines, page.size, page.sha256],
          ["2\n3\n", 2, 3, 3, 6, createHash("sha256").update("1\n2\n3\n").digest("hex")],
        );
      }
    });
  },
});

/** `stat` as on BSD and macOS. */
const BSD_STAT =
  '[ "$1" = -f ] || exit 1; f=$2; shift 2; l=; [ "$1" != -L ] || { l=-L; shift; }; ' +
  'case $f in "%z %Xp %m %u %Su") f="%s %f %Y %u %U";; "%z %Xp %m") f="%s %f %Y";; *) exit 1;; esac; ' +
  'exec /usr/bin/stat $l -c "$f" "$@"';

peerTest({
  name: "a host whose stat is that of BSD gives true facts, or says what is missing",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      write(site.remote, { "page": "1\n2\n" });
      write(site.local, { "page": "1\n2\n" });
      Deno.chmodSync(`${site.remote}/page`, 0o640);
      await site.give();
      const programs = {
        stat: BSD_STAT,
        find: `case $* in *-printf*) exit 1;; esac; exec /usr/bin/find "$@"`,
      };
      const from = withPrograms(site, `${site.remote}/page`, programs);
      const part = { fromLine: 1, lines: undefined, tailLines: undefined };
      const limits = { maxCharacters: 1_000, maxBytes: 1_000 };
      const page = await site.session.host.text.readPage({ from, ...part, ...limits }, signal());
      assert.deepEqual([page.mode, page.size, page.mtimeMs], [0o640, 4, 1_600_000_004_000]);
      const directory = withPrograms(site, site.remote, programs);
      const listing = { directory, depth: 1, hidden: false, limit: 10 };
      const missing = { code: "unsupported", message: /no program "stat"$/ };
      await assert.rejects(site.session.host.text.listEntries(listing, signal()), missing);
      await assert.rejects(site.copy("upload", { remote: directory }), missing);
      const fresh = { remote: directory, localPath: "fresh" };
      await assert.rejects(site.copy("download", fresh), missing);
    });
  },
});

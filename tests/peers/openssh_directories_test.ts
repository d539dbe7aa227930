import assert from "node:assert/strict";
import { type TarEntry, tarHeader } from "../../src/archive/tar_writer.ts";
import { run } from "./account.ts";
import { startDelayProxy } from "./delay_proxy.ts";
import {
  BUSYBOX,
  differences,
  NAMES,
  own,
  PEERS,
  tree,
  withSite,
  write,
} from "./directory_site.ts";
import { connectTo, isRoot } from "./openssh.ts";
import { until } from "../support/until.ts";
import { peerTest, ROOT } from "./require.ts";
import { writeExecutable } from "../support/executable.ts";

peerTest({
  name: "a directory goes up and is then equal, by rsync's judgment, and nothing is sent again",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      write(site.local, {
        ...NAMES,
        "run.sh": "#!/bin/sh\n",
        "big.bin": new Uint8Array(3_000_000),
      });
      Deno.chmodSync(`${site.local}/run.sh`, 0o750);
      Deno.symlinkSync("index.html", `${site.local}/link`);
      Deno.symlinkSync("../empty", `${site.local}/empty dir/up`);
      Deno.symlinkSync("missing", `${site.local}/broken`);
      const first = await site.copy("upload");
      assert.deepEqual([first.failed, first.warnings], [[], []]);
      assert.equal(first.sent, Object.keys(NAMES).length - 1 + 2 + 3);
      assert.equal(await differences(site.local, site.remote), "");
      const second = await site.copy("upload");
      assert.deepEqual(
        [second.sent, second.unchanged, second.bytes, second.failedCount],
        [0, first.sent, 0, 0],
      );
      assert.deepEqual(site.beside(), ["site"]);
    });
  },
});

peerTest({
  name: "a directory comes down and is then equal, by rsync's judgment, and nothing is sent again",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      write(site.remote, {
        ...NAMES,
        "run.sh": "#!/bin/sh\n",
        "big.bin": new Uint8Array(3_000_000),
      });
      Deno.chmodSync(`${site.remote}/run.sh`, 0o755);
      const first = await site.copy("download");
      assert.deepEqual([first.failed, first.warnings], [[], []]);
      assert.equal(first.sent, Object.keys(NAMES).length - 1 + 2);
      assert.equal(await differences(site.remote, site.local), "");
      const second = await site.copy("download");
      assert.deepEqual(
        [second.sent, second.unchanged, second.bytes, second.failedCount],
        [0, first.sent, 0, 0],
      );
    });
  },
});

peerTest({
  name: "a directory goes over SFTP both ways where the login runs no commands",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      write(site.local, { ...NAMES, "run.sh": "#!/bin/sh\n", "old": "new" });
      Deno.chmodSync(`${site.local}/run.sh`, 0o750);
      Deno.symlinkSync("index.html", `${site.local}/link`);
      const first = await site.copy("upload");
      assert.deepEqual([first.failed, first.warnings], [[], []]);
      // SFTP of OpenSSH cannot set the time of a link.
      assert.equal(await differences(site.local, site.remote, "-O", "-J"), "");
      write(site.local, { "old": "newer" });
      Deno.removeSync(`${site.local}/empty dir`);
      Deno.removeSync(`${site.local}/*`);
      const dry = await site.copy("upload", { dryRun: true });
      assert.deepEqual([dry.sent, dry.unchanged, dry.deleted], [1, first.sent - 2, 1]);
      const second = await site.copy("upload", { deleteCount: 1 });
      assert.deepEqual([second.sent, second.deleted, second.failed], [1, 1, []]);
      assert.equal(await differences(site.local, site.remote, "-O", "-J"), "");
      const back = { localPath: "back" };
      const third = await site.copy("download", back);
      assert.deepEqual(third.failed.map(({ path }) => path), ["link"]);
      Deno.symlinkSync("index.html", `${site.session.dir}/back/link`);
      assert.equal(await differences(site.remote, `${site.session.dir}/back`, "-O", "-J"), "");
      assert.deepEqual(site.beside(), ["site"]);
    }, { config: ["ForceCommand internal-sftp"] });
  },
});

peerTest({
  name: "what cannot be copied is named, and the rest arrives",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      write(site.local, { "good": "good", "sub/file": "1", "blocked": "file", "dir/inner": "2" });
      write(site.remote, { "blocked/": "", "dir": "a file in the way" });
      await site.give();
      Deno.symlinkSync("/etc/passwd", `${site.local}/absolute`);
      Deno.symlinkSync("../../etc", `${site.local}/out`);
      Deno.symlinkSync("sub/../../x", `${site.local}/twisted`);
      await run("mkfifo", [`${site.local}/fifo`]);
      Deno.linkSync(`${site.local}/good`, `${site.local}/hard`);
      Deno.chmodSync(`${site.local}/sub/file`, 0o4755);
      const { sent, failed, warnings } = await site.copy("upload");
      assert.equal(sent, 3);
      const leadsOut = "symbolic link that leads out of the directory";
      assert.deepEqual(Object.fromEntries(failed.map(({ path, reason }) => [path, reason])), {
        absolute: leadsOut,
        blocked: "a directory of this name is in the way",
        dir: "a file of this name is in the way",
        "dir/inner": "its directory is not copied",
        fifo: "special file (FIFO, socket or device)",
        out: leadsOut,
        twisted: leadsOut,
      });
      assert.match(warnings.join(), /^setuid, setgid and sticky bits are not copied: 1 files/);
      assert.equal((Deno.statSync(`${site.remote}/sub/file`).mode ?? 0) & 0o7777, 0o755);
      assert.equal(Deno.readTextFileSync(`${site.remote}/hard`), "good");
    });
  },
});

peerTest({
  name: "hard links, odd names and special files come down as files or are named",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      write(site.remote, { "one": "same", "ba\\ck\\nslash": "b", "secret": "s" });
      Deno.linkSync(`${site.remote}/one`, `${site.remote}/two`);
      Deno.symlinkSync("one", `${site.remote}/link`);
      Deno.symlinkSync("/etc/passwd", `${site.remote}/out`);
      await run("mkfifo", [`${site.remote}/fifo`]);
      Deno.chmodSync(`${site.remote}/secret`, 0o600);
      const { sent, failed } = await site.copy("download");
      assert.equal(sent, 3);
      assert.deepEqual(failed.map(({ path }) => path).sort(), [
        "fifo",
        "link",
        "out",
        ...(isRoot ? ["secret"] : []),
      ]);
      assert.equal(Deno.readTextFileSync(`${site.local}/two`), "same");
      assert.equal(Deno.readTextFileSync(`${site.local}/ba\\ck\\nslash`), "b");
    });
  },
});

for (const direction of ["upload", "download"] as const) {
  peerTest({
    name:
      `${direction} deletes only as many files as the dry run counted, and never through a link`,
    peer: PEERS,
    async fn() {
      await withSite(async (site) => {
        const [from, to] = direction === "upload"
          ? [site.local, site.remote]
          : [site.remote, site.local];
        write(from, { "keep": "1", "logs/new.log": "n" });
        write(to, {
          "keep": "1",
          "extra": "2",
          "old/deep/x": "3",
          "logs/app.log": "4",
          "tmp/y": "5",
        });
        const outside = `${site.session.dir}/outside`;
        write(outside, { "precious": "p" });
        Deno.chmodSync(site.session.dir, 0o755);
        Deno.symlinkSync(outside, `${to}/linked`);
        await site.give();
        const before = await tree(to);
        const exclude = ["*.log", "/tmp/"];
        const dry = await site.copy(direction, { exclude, dryRun: true });
        assert.deepEqual([dry.sent, dry.unchanged, dry.deleted, dry.failed], [0, 1, 3, []]);
        const refused = site.copy(direction, { exclude, deleteCount: 2 });
        await assert.rejects(refused, {
          code: "invalid_argument",
          message: "delete is 2, but 3 files exist only at the destination; nothing was changed",
        });
        assert.equal(await tree(to), before);
        const done = await site.copy(direction, { exclude, deleteCount: 3 });
        assert.deepEqual([done.deleted, done.failed], [3, []]);
        assert.deepEqual((await tree(to)).split("\n").filter((line) => line !== ""), [
          "keep",
          "logs",
          "logs/app.log",
          "tmp",
          "tmp/y",
        ]);
        assert.equal(Deno.readTextFileSync(`${outside}/precious`), "p");
      });
    },
  });

  peerTest({
    name: `${direction} without overwrite changes no existing file`,
    peer: PEERS,
    async fn() {
      await withSite(async (site) => {
        const [from, to] = direction === "upload"
          ? [site.local, site.remote]
          : [site.remote, site.local];
        write(from, { "new": "1", "other": "22", "same": "3" });
        write(to, { "other": "xx", "same": "3", "private/": "" });
        write(from, { "private/": "" });
        Deno.chmodSync(`${to}/private`, 0o700);
        Deno.chmodSync(`${to}/same`, 0o600);
        await site.give();
        const first = await site.copy(direction, { overwrite: false });
        assert.deepEqual(first.failed, [{ path: "other", reason: "already exists" }]);
        assert.deepEqual([first.sent, first.unchanged], [1, 1]);
        assert.equal(Deno.readTextFileSync(`${to}/other`), "xx");
        assert.equal((Deno.statSync(`${to}/same`).mode ?? 0) & 0o777, 0o600);
        assert.equal((Deno.statSync(`${to}/private`).mode ?? 0) & 0o777, 0o700);
        const second = await site.copy(direction, { overwrite: true });
        assert.deepEqual([second.sent, second.unchanged, second.failed], [1, 2, []]);
        assert.equal(await differences(from, to), "");
      });
    },
  });

  peerTest({
    name: `${direction} refuses what is beyond the limits, or no directory`,
    peer: PEERS,
    async fn() {
      await withSite(async (site) => {
        const from = direction === "upload" ? site.local : site.remote;
        write(from, { "a": "1", "b": "22", "c/d": "333" });
        if (direction === "download") await site.give();
        await assert.rejects(site.copy(direction, { maxEntries: 3 }), {
          code: "too_large",
          message: /has more than 3 entries$/,
          suggestion: /DIRECTORY_MAX_ENTRIES/,
        });
        await assert.rejects(site.copy(direction, { maxBytes: 5 }), {
          code: "too_large",
          message: /has more than 5 bytes$/,
          suggestion: /DIRECTORY_MAX_SIZE/,
        });
        assert.equal((await site.copy(direction, { maxEntries: 4, maxBytes: 6 })).sent, 3);
        const file = direction === "upload"
          ? { localPath: "site/a" }
          : { remote: { kind: "host", path: `${site.remote}/a` } as const };
        await assert.rejects(site.copy(direction, file), { code: "invalid_argument" });
        const missing = direction === "upload"
          ? { localPath: "nothing" }
          : { remote: { kind: "host", path: `${site.remote}/nothing` } as const };
        await assert.rejects(site.copy(direction, missing), { code: "not_found" });
        await assert.rejects(site.copy(direction, { localPath: "/etc" }), {
          code: "outside_directories",
        });
      });
    },
  });
}

peerTest({
  name: "a directory goes both ways where all programs are busybox, as in a container",
  peer: [...PEERS, BUSYBOX],
  async fn() {
    await withSite(async (site) => {
      const programs = `${site.session.dir}/programs`;
      Deno.mkdirSync(programs);
      await run("busybox", ["--install", "-s", programs]);
      Deno.chmodSync(site.session.dir, 0o755);
      const prefix = `env PATH=${programs}`;
      const remote = { kind: "shell", prefix, path: site.remote, label: "busybox" } as const;
      write(site.local, { ...NAMES, "run.sh": "#!/bin/sh\n", "ba\\ck": "b" });
      Deno.chmodSync(`${site.local}/run.sh`, 0o755);
      Deno.symlinkSync("index.html", `${site.local}/link`);
      const first = await site.copy("upload", { remote });
      assert.deepEqual([first.failed, first.warnings], [[], []]);
      // busybox does not set the time of a link.
      assert.equal(await differences(site.local, site.remote, "-J"), "");
      write(site.local, { "run.sh": "#!/bin/sh -e\n" });
      Deno.removeSync(`${site.local}/*`);
      Deno.utimeSync(`${site.local}/empty`, 5, 5);
      const second = await site.copy("upload", { remote, deleteCount: 1 });
      assert.deepEqual([second.sent, second.deleted, second.failed], [1, 1, []]);
      assert.equal(await differences(site.local, site.remote, "-J"), "");
      const third = await site.copy("download", { remote, localPath: "back" });
      assert.deepEqual(third.failed.map(({ path }) => path), ["link"]);
      Deno.symlinkSync("index.html", `${site.session.dir}/back/link`);
      assert.equal(await differences(site.remote, `${site.session.dir}/back`, "-J", "-O"), "");
      assert.deepEqual(site.beside(), ["site"]);
    });
  },
});

peerTest({
  name:
    "a server killed in the middle of a directory leaves complete files only, and the next call sends the rest",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      const { sshd, session } = site;
      const content = crypto.getRandomValues(new Uint8Array(60_000));
      for (let index = 0; index < 100; index++) {
        const bytes = new Uint8Array(1_000_000).fill(index);
        bytes.set(content);
        write(site.local, { [`part ${index % 3}/${index}`]: bytes });
      }
      await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 20 });
      const server = await connectTo(sshd, session.dir, {
        SSH_PORT: String(proxy.port),
        SSH_STRICT_HOST_KEY_CHECKING: "false",
      });
      const paths = { local_path: "site", remote_path: "www/site" };
      server.call("ssh_upload_directory", paths).catch(() => {});
      const arrived = async () =>
        (await tree(site.remote)).split("\n").filter((path) => /\/\d+$/.test(path));
      await until("the first files", async () => (await arrived()).length > 0, 30_000);
      server.server.kill("SIGKILL");
      await server.server.ended();
      await until("the removal of what was staged", () => site.beside().length === 1, 30_000);
      const files = await arrived();
      for (const path of files) {
        assert.deepEqual(
          Deno.readFileSync(`${site.remote}/${path}`),
          Deno.readFileSync(`${site.local}/${path}`),
        );
      }
      const rest = await site.copy("upload", { overwrite: false });
      assert.deepEqual([rest.sent, rest.unchanged, rest.failed], [
        100 - files.length,
        files.length,
        [],
      ]);
      assert.equal(await differences(site.local, site.remote), "");
    });
  },
});

peerTest({
  name: "a cancelled directory leaves nothing staged, and says so",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      for (let index = 0; index < 100; index++) {
        write(site.local, { [`${index}`]: new Uint8Array(1_000_000).fill(index) });
      }
      const cancel = new AbortController();
      const copying = site.copy("upload", {}, cancel.signal);
      copying.catch(() => {});
      await until("the staging directory", () => site.beside().some((name) => name !== "site"));
      cancel.abort();
      await assert.rejects(copying, { code: "cancelled" });
      await until("its removal", () => site.beside().every((name) => name === "site"), 30_000);
    });
  },
});

const entry = (path: string, more: Partial<TarEntry> = {}): TarEntry => ({
  ...{ path, kind: "file", size: 4, mode: 0o644, mtime: 0, uid: 0, gid: 0 },
  ...more,
});

/** Changes the header of a symbolic link; the last digit of the checksum is one less. */
function asHardLink(header: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), -1);
  header[156] = "1".charCodeAt(0);
  header.set(new TextEncoder().encode(sum.toString(8).padStart(6, "0")), 148);
  return header;
}

/** Members of an archive that a host sends instead of what was requested, and what becomes of them. */
const HOSTILE: readonly {
  readonly name: string;
  readonly members: readonly (TarEntry & { readonly isHardLink?: boolean })[];
  readonly failed?: Readonly<Record<string, string>>;
  readonly error?: RegExp;
}[] = [
  { name: "another file", members: [entry("other")], error: /not requested: other$/ },
  { name: "an absolute path", members: [entry("/etc/evil")], error: /not requested: etc\/evil$/ },
  { name: "a path that leads out", members: [entry("../evil")], error: /leads out of the tree/ },
  { name: "a file twice", members: [entry("a"), entry("a")], error: /not requested: a$/ },
  {
    name: "a link, and a file through it",
    members: [entry("a", { kind: "link", size: 0, target: "/etc" }), entry("a/evil")],
    failed: { a: "changed while it was read", "b/c": "not sent by the host" },
  },
  {
    name: "other content of the same size",
    members: [entry("a"), entry("b/c")],
    failed: { a: "changed while it was read", "b/c": "changed while it was read" },
  },
  {
    name: "a second name of a file that it never sends",
    members: [{ ...entry("a", { kind: "link", size: 0, target: "b/c" }), isHardLink: true }],
    failed: { a: "changed while it was read", "b/c": "not sent by the host" },
  },
  {
    name: "another size",
    members: [entry("a", { size: 100_000 })],
    failed: { a: "changed while it was read", "b/c": "not sent by the host" },
  },
  {
    name: "a size without end",
    members: [entry("a", { size: 2 ** 50 })],
    error: /^A file grew to/,
  },
];

peerTest({
  name: "a hostile host writes nothing that was not requested",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      write(site.remote, { "a": "good", "b/c": "good" });
      const programs = `${site.sshd.home}/programs`;
      Deno.mkdirSync(programs);
      writeExecutable(`${programs}/tar`, `#!/bin/sh\ncat '${programs}/stream'\n`);
      const prefix = `env PATH=${programs}:/usr/bin:/bin`;
      const remote = { kind: "shell", prefix, path: site.remote, label: "the host" } as const;
      for (const { name, members, failed, error } of HOSTILE) {
        const blocks = members.flatMap((member) => [
          member.isHardLink ? asHardLink(tarHeader(member)) : tarHeader(member),
          new Uint8Array(
            member.kind === "file" ? 512 * Math.ceil(Math.min(member.size, 1e6) / 512) : 0,
          ),
        ]);
        Deno.writeFileSync(
          `${programs}/stream`,
          new Uint8Array(await new Blob(blocks).arrayBuffer()),
        );
        const copying = site.copy("download", { remote });
        if (error !== undefined) await assert.rejects(copying, { message: error }, name);
        else {
          const outcome = await copying;
          const found = outcome.failed.map(({ path, reason }) => [path, reason]);
          assert.deepEqual(Object.fromEntries(found), failed, name);
        }
        assert.equal(await tree(site.local), "\nb", name);
      }
    });
  },
});

peerTest({
  name:
    "directories that cannot be read, and names that are not UTF-8, are named and deleted nowhere",
  peer: [...PEERS, ROOT],
  async fn() {
    await withSite(async (site) => {
      const odd = (top: string) => run("sh", ["-c", `: > "$(printf '${top}/x\\377y')"`]);
      write(site.remote, { "open": "1", "closed/inner": "2" });
      await odd(site.remote);
      await site.give();
      Deno.chmodSync(`${site.remote}/closed`, 0);
      Deno.chownSync(`${site.remote}/closed`, 0, 0);
      write(site.local, { "closed/inner": "2", "closed/mine": "3" });
      const down = await site.copy("download", { deleteCount: 0 });
      assert.deepEqual(Object.fromEntries(down.failed.map(({ path, reason }) => [path, reason])), {
        closed: "cannot be read",
        "x\ufffdy": "name is not UTF-8",
      });
      assert.deepEqual([down.sent, down.deleted], [1, 0]);
      assert.equal(Deno.readTextFileSync(`${site.local}/closed/mine`), "3");
      await odd(site.local);
      const up = await site.copy("upload", { deleteCount: 0 });
      assert.deepEqual(Object.fromEntries(up.failed.map(({ path, reason }) => [path, reason])), {
        closed: "cannot be read",
        "closed/inner": "its directory is not copied",
        "closed/mine": "its directory is not copied",
        "x\ufffdy": "name is not UTF-8",
      });
    });
  },
});

peerTest({
  name: "a file that changes while it is read is named, and the old one stays",
  peer: PEERS,
  async fn() {
    await withSite(async (site) => {
      write(site.local, { "a": "stable", "log": new Uint8Array(40_000_000) });
      write(site.remote, { "log": "old" });
      await site.give();
      const copying = site.copy("upload");
      await until("the staging directory", () => site.beside().some((name) => name !== "site"));
      Deno.writeTextFileSync(`${site.local}/log`, "more", { append: true });
      const { sent, failed } = await copying;
      assert.deepEqual(failed, [{ path: "log", reason: "changed while it was read" }]);
      assert.equal(sent, 1);
      assert.equal(Deno.readTextFileSync(`${site.remote}/log`), "old");
    });
  },
});

peerTest({
  name: "files for which the disk of the host has no room are named, and the others arrive",
  peer: [...PEERS, ROOT],
  async fn() {
    await withSite(async (site) => {
      await run("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", `${site.sshd.home}/www`]);
      try {
        own(site.sshd, `${site.sshd.home}/www`);
        write(site.local, { "a": new Uint8Array(1_000_000), "b": new Uint8Array(5_000_000) });
        const { sent, failed } = await site.copy("upload");
        assert.equal(sent, 1);
        assert.deepEqual(failed.map(({ path }) => path), ["b"]);
        assert.match(failed[0]?.reason ?? "", /not stored on the host|differs from the source/);
        assert.equal(Deno.statSync(`${site.remote}/a`).size, 1_000_000);
        await until("the removal of what was staged", () => site.beside().length === 1);
      } finally {
        await run("umount", ["-l", `${site.sshd.home}/www`]);
      }
    });
  },
});

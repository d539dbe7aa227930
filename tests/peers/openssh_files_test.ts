import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { startDelayProxy } from "./delay_proxy.ts";
import { failureOf, isRoot, openSession, type TestSession } from "./openssh.ts";
import { until } from "../support/until.ts";
import { run } from "./account.ts";
import { aliveWithMarker } from "./processes.ts";
import { peerTest, ROOT, SSHD } from "./require.ts";
import { type Sshd, startSshd } from "./sshd.ts";

const REQUEST_BYTES = 255 * 1024;
const MEGABYTE = 1_000_000;

/** Content without repetitions, so that a misplaced chunk is noticed. */
function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const namesIn = (dir: string): string[] =>
  [...Deno.readDirSync(dir)].map(({ name }) => name).sort();

const isTemporary = (name: string): boolean => name.endsWith(".part");

/** Returns the size of the temporary file in a directory; -1 if there is none. */
function partSize(dir: string): number {
  const name = namesIn(dir).find(isTemporary);
  if (name === undefined) return -1;
  try {
    return Deno.statSync(`${dir}/${name}`).size;
  } catch {
    return -1;
  }
}

const modeOf = (path: string): number => (Deno.statSync(path).mode ?? 0) & 0o7777;

/** Writes a file in the login's home, owned by the login. */
async function put(sshd: Sshd, name: string, content: string | Uint8Array): Promise<string> {
  const path = `${sshd.home}/${name}`;
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await Deno.writeFile(path, bytes);
  if (isRoot) await Deno.chown(path, sshd.uid, null);
  return path;
}

async function withSession(
  body: (session: TestSession, sshd: Sshd) => Promise<void>,
  options: Parameters<typeof startSshd>[0] = {},
): Promise<void> {
  await using sshd = await startSshd(options);
  await using session = await openSession(sshd);
  await body(session, sshd);
}

peerTest({
  peer: SSHD,
  name: "copy() copies files of all sizes both ways, verified by sha256",
  fn: () =>
    withSession(async (session, sshd) => {
      const sizes = [0, 1, REQUEST_BYTES - 1, REQUEST_BYTES, REQUEST_BYTES + 1];
      for (const size of [...sizes, 16 * REQUEST_BYTES + 7, 20 * MEGABYTE]) {
        const content = randomBytes(size);
        await session.file("up", content);
        const up = await session.upload("up", "there");
        assert.deepEqual([up.bytes, up.sha256, up.verified], [size, sha256(content), "sha256"]);
        assert.equal(sha256(await Deno.readFile(`${sshd.home}/there`)), sha256(content));
        const down = await session.download("there", "down");
        assert.deepEqual([down.bytes, down.sha256], [size, sha256(content)]);
        // A file of size 0 may be one that does not report its size, see below.
        assert.equal(down.verified, size === 0 ? "size" : "sha256");
        assert.equal(sha256(await Deno.readFile(`${session.dir}/down`)), sha256(content));
      }
      assert.deepEqual(namesIn(sshd.home), ["there"]);
    }),
});

const ODD_NAMES = [
  "two words",
  "it's",
  'dou"ble',
  "new\nline",
  "ünï €😀",
  "-leading",
  "$HOME `x` $(y)",
  "*?[a] {b,c}",
  "back\\slash\\n",
  "semi;colon & | < >",
  "#hash !bang",
  "a".repeat(255),
  "€".repeat(85),
  "😀".repeat(63),
  "x~",
  ".hidden",
  "\ttab\r\x07",
];

for (const shell of isRoot ? ["/bin/sh", "/bin/bash"] : ["/bin/sh"]) {
  peerTest({
    peer: SSHD,
    name: `copy() accepts every name (${shell})`,
    fn: () =>
      withSession(async (session, sshd) => {
        const content = randomBytes(100);
        await session.file("up", content);
        for (const name of ODD_NAMES) {
          const up = await session.upload("up", name);
          assert.deepEqual([name, up.verified], [name, "sha256"]);
          assert.equal(sha256(await Deno.readFile(`${sshd.home}/${name}`)), sha256(content));
          const down = await session.download(name, name);
          assert.deepEqual([name, down.verified], [name, "sha256"]);
          await Deno.remove(`${session.dir}/${name}`);
        }
        assert.deepEqual(namesIn(sshd.home), [...ODD_NAMES].sort());
        assert.deepEqual(namesIn(session.dir), ["up"]);
      }, { shell }),
  });
}

peerTest({
  peer: SSHD,
  name: "copy() starts relative paths and ~ at the login directory",
  fn: () =>
    withSession(async (session, sshd) => {
      await session.file("up", "content");
      await Deno.mkdir(`${sshd.home}/sub`);
      if (isRoot) await Deno.chown(`${sshd.home}/sub`, sshd.uid, null);
      for (const path of ["plain", "~/tilde", "sub/below", "~/sub/tilde", `${sshd.home}/full`]) {
        await session.upload("up", path);
        const full = path.replace(/^~\//, "").replace(`${sshd.home}/`, "");
        assert.equal(await Deno.readTextFile(`${sshd.home}/${full}`), "content");
        await session.download(path, `down/of/${full}`);
        assert.equal(await Deno.readTextFile(`${session.dir}/down/of/${full}`), "content");
      }
      assert.equal((await failureOf(session.download("~", "x"))).code, "is_directory");
      assert.equal((await failureOf(session.upload("up", "sub/../x"))).code, "invalid_argument");
      await session.upload("up", "v1..2");
    }),
});

peerTest({
  peer: SSHD,
  name: "copy() sets the requested mode of a new file, or the umask's",
  fn: () =>
    withSession(async (session, sshd) => {
      await session.file("up", "content");
      await session.upload("up", "plain");
      assert.equal(modeOf(`${sshd.home}/plain`), 0o640);
      for (const mode of [0o600, 0o755, 0o444, 0, 0o777]) {
        const { verified } = await session.upload("up", `f${mode}`, { mode });
        assert.equal(modeOf(`${sshd.home}/f${mode}`), mode);
        assert.equal(verified, "sha256");
      }
    }, { config: ["Subsystem sftp /usr/lib/openssh/sftp-server -u 0027"] }),
});

peerTest({
  peer: SSHD,
  name: "copy() keeps the mode of a replaced file, unless another is requested",
  fn: () =>
    withSession(async (session, sshd) => {
      await session.file("up", "new");
      for (const mode of [0o640, 0o711, 0o400]) {
        const path = await put(sshd, "old", "old");
        await Deno.chmod(path, mode);
        await session.upload("up", "old");
        assert.deepEqual([await Deno.readTextFile(path), modeOf(path)], ["new", mode]);
        await session.upload("up", "old", { mode: 0o604 });
        assert.equal(modeOf(path), 0o604);
        await Deno.remove(path);
      }
    }),
});

peerTest({
  peer: [SSHD, ROOT],
  name: "copy() as root keeps the owner and group of a replaced file",
  fn: () =>
    withSession(async (session, sshd) => {
      await session.file("up", "new");
      const path = await put(sshd, "old", "old");
      await Deno.chown(path, 65_534, 12);
      await Deno.chmod(path, 0o2755);
      await session.upload("up", "old");
      const { uid, gid } = await Deno.stat(path);
      assert.deepEqual([uid, gid, modeOf(path)], [65_534, 12, 0o2755]);
      assert.equal(await Deno.readTextFile(path), "new");
    }, { loginUser: "root" }),
});

peerTest({
  peer: SSHD,
  name: "copy() replaces the target of a symbolic link and refuses a dangling one",
  fn: () =>
    withSession(async (session, sshd) => {
      await session.file("up", "new");
      await Deno.mkdir(`${sshd.home}/sub`);
      await put(sshd, "sub/target", "old");
      if (isRoot) await Deno.chown(`${sshd.home}/sub`, sshd.uid, null);
      await Deno.symlink("sub/target", `${sshd.home}/link`);
      await Deno.symlink("nowhere", `${sshd.home}/dangling`);
      await Deno.symlink("sub", `${sshd.home}/to_directory`);
      const { path } = await session.upload("up", "link");
      assert.equal(path, `${sshd.home}/sub/target`);
      assert.equal(await Deno.readLink(`${sshd.home}/link`), "sub/target");
      assert.equal(await Deno.readTextFile(`${sshd.home}/sub/target`), "new");
      const refused = await failureOf(session.upload("up", "link", { overwrite: false }));
      assert.equal(refused.code, "already_exists");
      assert.equal((await failureOf(session.upload("up", "dangling"))).code, "not_a_file");
      assert.equal((await failureOf(session.upload("up", "to_directory"))).code, "is_directory");
      assert.deepEqual(namesIn(sshd.home).filter(isTemporary), []);
    }),
});

peerTest({
  peer: SSHD,
  name: "copy() without overwrite lets one of several win and keeps its content intact",
  fn: () =>
    withSession(async (session, sshd) => {
      const contents = [1, 2, 3, 4].map(() => randomBytes(3 * MEGABYTE));
      await Promise.all(contents.map((content, index) => session.file(`up${index}`, content)));
      const ways = {
        there: (index: number) => session.upload(`up${index}`, "there", { overwrite: false }),
        here: async (index: number) => {
          await session.upload(`up${index}`, `up${index}`);
          return await session.download(`up${index}`, "here", { overwrite: false });
        },
      };
      for (const [name, move] of Object.entries(ways)) {
        const results = await Promise.allSettled(contents.map((_, index) => move(index)));
        const winners = results.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
        const codes = results.flatMap((each) =>
          each.status === "rejected" ? [each.reason.code] : []
        );
        assert.deepEqual([winners.length, ...codes], [1, ...Array(3).fill("already_exists")]);
        const dir = name === "there" ? sshd.home : session.dir;
        assert.equal(sha256(await Deno.readFile(`${dir}/${name}`)), winners[0]?.sha256);
        assert.deepEqual(namesIn(dir).filter(isTemporary), []);
      }
    }),
});

peerTest({
  peer: SSHD,
  name: "copy() refuses what is not a file, too large, missing or forbidden, and reports which",
  fn: () =>
    withSession(async (session, sshd) => {
      await session.file("up", "content");
      await put(sshd, "large", new Uint8Array(1_001));
      await Deno.mkdir(`${sshd.home}/dir`);
      await run("/usr/bin/mkfifo", [`${sshd.home}/fifo`, `${session.dir}/fifo`]);
      await Deno.mkdir(`${session.dir}/dir`);
      const cases = [
        [session.download("dir", "x"), "is_directory"],
        [session.download("fifo", "x"), "not_a_file"],
        [session.download("/dev/zero", "x"), "not_a_file"],
        [session.download("large", "x", { maxBytes: 1_000 }), "too_large"],
        [session.download("missing", "x"), "not_found"],
        [session.download("missing/deeper", "x"), "not_found"],
        [session.upload("up", "dir"), "is_directory"],
        [session.upload("up", "fifo"), "not_a_file"],
        [session.upload("up", "/dev/zero"), "not_a_file"],
        [session.upload("up", "missing/deeper"), "not_found"],
        [session.upload("dir", "x"), "is_directory"],
        [session.upload("fifo", "x"), "not_a_file"],
        [session.upload("missing", "x"), "not_found"],
        [session.upload("up", "x", { maxBytes: 3 }), "too_large"],
        ...(isRoot
          ? [
            [session.download("/etc/shadow", "x"), "not_permitted"],
            [session.upload("up", "/etc/not-allowed"), "not_permitted"],
            [session.upload("up", "/root/not-allowed"), "not_permitted"],
          ] as const
          : []),
      ] as const;
      const codes = await Promise.all(cases.map(async ([call]) => (await failureOf(call)).code));
      assert.deepEqual(codes, cases.map(([, code]) => code));
      const deeper = await failureOf(session.upload("up", "missing/deeper"));
      assert.match(deeper.message, /the directory missing does not exist on the host/);
      assert.deepEqual(namesIn(session.dir), ["dir", "fifo", "up"]);
      assert.deepEqual(namesIn(sshd.home), ["dir", "fifo", "large"]);
    }),
});

peerTest({
  peer: SSHD,
  name: "copy() reads files of /proc and /sys to their end, within the limit",
  fn: () =>
    withSession(async (session) => {
      const { bytes, verified } = await session.download("/sys/class/net/lo/mtu", "down");
      assert.deepEqual([bytes, verified], [6, "size"]);
      assert.equal(await Deno.readTextFile(`${session.dir}/down`), "65536\n");
      for (const path of ["/proc/version", "/proc/cpuinfo", "/proc/self/limits"]) {
        await session.download(path, "down");
        const text = await Deno.readTextFile(`${session.dir}/down`);
        assert.equal(text, await session.read(`cat ${path}`), path);
      }
      const tooLarge = await failureOf(session.download("/proc/cpuinfo", "x", { maxBytes: 10 }));
      assert.equal(tooLarge.code, "too_large");
      assert.deepEqual(namesIn(session.dir), ["down"]);
    }),
});

peerTest({
  peer: SSHD,
  name: "copy() copies a growing file up to its size at opening",
  fn: () =>
    withSession(async (session, sshd) => {
      const path = await put(sshd, "log", randomBytes(2 * MEGABYTE));
      const controller = new AbortController();
      const writing = session.exec(
        "while :; do head -c 10000 /dev/urandom >> log; done",
        { timeoutMs: 60_000 },
        controller.signal,
      );
      await until("the file to grow", () => Deno.statSync(path).size > 2.1 * MEGABYTE);
      const { bytes, sha256: hash, verified } = await session.download("log", "down");
      controller.abort();
      await writing;
      assert.equal(verified, "sha256");
      assert.equal(sha256((await Deno.readFile(path)).subarray(0, bytes)), hash);
      assert.ok(bytes < Deno.statSync(path).size);
    }),
});

peerTest({
  peer: [SSHD, ROOT],
  name: "copy() verifies with shasum or openssl, and by size on a host with neither",
  async fn() {
    await using sshd = await startSshd({ shell: "/bin/bash" });
    await checkHashTools(sshd);
  },
});

async function checkHashTools(sshd: Sshd): Promise<void> {
  const tools = `${sshd.home}/tools`;
  await put(sshd, ".bashrc", `PATH=${tools}\n`);
  await Deno.mkdir(tools);
  const cases = [
    [["head", "sha256sum"], "sha256"],
    [["head", "shasum", "perl"], "sha256"],
    [["head", "openssl"], "sha256"],
    [["head"], "size"],
    [[], "size"],
  ] as const;
  for (const [names, expected] of cases) {
    for (const name of [...names, "rm", "sleep"]) {
      await Deno.symlink(`/usr/bin/${name}`, `${tools}/${name}`);
    }
    await Deno.symlink("/bin/sh", `${tools}/sh`);
    await using session = await openSession(sshd);
    const content = randomBytes(300_000);
    await session.file("up", content);
    const up = await session.upload("up", "there");
    const down = await session.download("there", "down");
    assert.deepEqual([names, up.verified, down.verified], [names, expected, expected]);
    assert.equal(sha256(await Deno.readFile(`${session.dir}/down`)), sha256(content));
    for (const name of namesIn(tools)) await Deno.remove(`${tools}/${name}`);
  }
}

peerTest({
  peer: SSHD,
  name: "copy() verifies by sha256 where SFTP and the login shell start in different directories",
  fn: () =>
    withSession(async (session) => {
      const name = `mre_${crypto.randomUUID()}`;
      await session.file("up", randomBytes(300_000));
      const up = await session.upload("up", name);
      const down = await session.download(name, "down");
      await Deno.remove(`/var/tmp/${name}`);
      assert.deepEqual([up.verified, down.verified], ["sha256", "sha256"]);
      assert.equal(down.sha256, up.sha256);
    }, { config: ["Subsystem sftp /usr/lib/openssh/sftp-server -d /var/tmp"] }),
});

peerTest({
  peer: [SSHD, ROOT],
  name: "copy() keeps the old file and leaves no other when the disk is full",
  async fn() {
    await using sshd = await startSshd();
    await using session = await openSession(sshd);
    await session.file("up", randomBytes(5 * MEGABYTE));
    await put(sshd, "large", randomBytes(5 * MEGABYTE));
    const mounts = [`${sshd.home}/small`, `${session.dir}/small`];
    for (const mount of mounts) {
      await Deno.mkdir(mount);
      await run("/usr/bin/mount", ["-t", "tmpfs", "-o", "size=2m,mode=777", "none", mount]);
    }
    try {
      for (const mount of mounts) await Deno.writeTextFile(`${mount}/file`, "old");
      await Deno.chown(`${mounts[0]}/file`, sshd.uid, null);
      const there = await failureOf(session.upload("up", "small/file"));
      assert.match(`${there.code} ${there.suggestion}`, /disk_full|io_error.*df -h/);
      const here = await failureOf(session.download("large", "small/file"));
      assert.equal(here.code, "disk_full");
      for (const mount of mounts) {
        assert.deepEqual(namesIn(mount), ["file"]);
        assert.equal(await Deno.readTextFile(`${mount}/file`), "old");
      }
    } finally {
      for (const mount of mounts) await run("/usr/bin/umount", [mount]);
    }
  },
});

peerTest({
  peer: SSHD,
  name: "copy() keeps the old file and leaves no other when the link is cut",
  async fn() {
    await using sshd = await startSshd();
    await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 0 });
    await using session = await openSession(sshd, { port: proxy.port });
    await session.file("up", randomBytes(20 * MEGABYTE));
    await put(sshd, "large", randomBytes(20 * MEGABYTE));
    for (const name of ["there", "new\nline"]) {
      await put(sshd, name, "old");
      await session.exec("true");
      proxy.cutAfter("to_target", 5 * MEGABYTE);
      const up = await failureOf(session.upload("up", name));
      assert.equal(up.code, "connection_lost");
      assert.equal(await Deno.readTextFile(`${sshd.home}/${name}`), "old");
      await until("the guard's work", () => !namesIn(sshd.home).some(isTemporary));
    }
    await session.file("here", "old");
    proxy.cutAfter("to_client", 5 * MEGABYTE);
    const down = await failureOf(session.download("large", "here"));
    assert.equal(down.code, "connection_lost");
    assert.equal(await Deno.readTextFile(`${session.dir}/here`), "old");
    assert.deepEqual(namesIn(session.dir), ["here", "up"]);
    assert.equal((await session.upload("up", "there")).bytes, 20 * MEGABYTE);
  },
});

peerTest({
  peer: SSHD,
  name: "copy() leaves no file when it is canceled",
  async fn() {
    await using sshd = await startSshd();
    await using proxy = startDelayProxy({ targetPort: sshd.port, oneWayMs: 20 });
    await using session = await openSession(sshd, { port: proxy.port });
    await session.file("up", new Uint8Array(60 * MEGABYTE));
    await put(sshd, "large", new Uint8Array(60 * MEGABYTE));
    await put(sshd, "there", "old");
    const ways = [
      [sshd.home, (signal: AbortSignal) => session.upload("up", "there", {}, signal)],
      [session.dir, (signal: AbortSignal) => session.download("large", "here", {}, signal)],
    ] as const;
    // Canceled before the first byte, in the middle, and while the host hashes what is stored.
    for (const least of [0, 5 * MEGABYTE, 30 * MEGABYTE]) {
      for (const [dir, move] of ways) {
        const controller = new AbortController();
        const moving = failureOf(move(controller.signal));
        await until("the transfer", () => partSize(dir) >= least);
        controller.abort();
        assert.equal((await moving).code, "cancelled");
        await until("the removal", () => !namesIn(dir).some(isTemporary));
        await until("the end of the hash", () => aliveWithMarker(`${dir}/.there.`).length === 0);
      }
    }
    assert.equal(await Deno.readTextFile(`${sshd.home}/there`), "old");
    assert.deepEqual(namesIn(session.dir), ["up"]);
  },
});

peerTest({
  peer: SSHD,
  name: "copy() reports a host without SFTP, or with a login shell that breaks it",
  async fn() {
    await using none = await startSshd({ config: ["Subsystem sftp /bin/false"] });
    await using session = await openSession(none);
    await session.file("up", "content");
    const startedAt = performance.now();
    const error = await failureOf(session.upload("up", "there"));
    assert.equal(error.code, "unsupported");
    assert.match(error.message, /SFTP/);
    // Without a word of the host about it, it would be the 30 seconds of a stalled transfer.
    assert.ok(performance.now() - startedAt < 20_000);
    assert.equal((await session.exec("echo well")).stdout.text, "well\n");
    if (!isRoot) return;
    await using noisy = await startSshd({ shell: "/bin/bash" });
    await put(noisy, ".bashrc", "echo Welcome to this host\n");
    await using other = await openSession(noisy);
    await other.file("up", "content");
    const spoiledAt = performance.now();
    const spoilt = await failureOf(other.upload("up", "there"));
    assert.equal(spoilt.code, "unsupported");
    assert.ok(performance.now() - spoiledAt < 20_000);
    assert.match((await other.exec("echo well")).stdout.text, /well\n$/);
  },
});

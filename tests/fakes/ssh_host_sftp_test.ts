import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { SFTPWrapper } from "ssh2";
import { startSshHost } from "./ssh_host.ts";
import {
  call,
  connectionClosed,
  content,
  hostTest,
  login,
  openSftp,
  plain,
} from "./ssh_host_client.ts";

const { READ, WRITE, CREAT, EXCL, TRUNC, APPEND } = {
  READ: 1,
  WRITE: 2,
  APPEND: 4,
  CREAT: 8,
  TRUNC: 16,
  EXCL: 32,
};

const openFile = (sftp: SFTPWrapper, path: string, flags: number, mode?: number) =>
  call<Buffer>((done) => sftp.open(path, flags, mode === undefined ? {} : { mode }, done));

const write = (sftp: SFTPWrapper, handle: Buffer, data: Buffer, offset: number) =>
  plain((done) => sftp.write(handle, data, 0, data.length, offset, done));

const close = (sftp: SFTPWrapper, handle: Buffer) => plain((done) => sftp.close(handle, done));

async function store(sftp: SFTPWrapper, path: string, data: Buffer): Promise<void> {
  const handle = await openFile(sftp, path, WRITE | CREAT | TRUNC);
  const parts = Array.from({ length: Math.ceil(data.length / 32768) }, (_, at) => at * 32768);
  await Promise.all(parts.map((at) => write(sftp, handle, data.subarray(at, at + 32768), at)));
  await close(sftp, handle);
}

/** `readFile()` of ssh2 never calls back when the connection is lost: it waits for its CLOSE. */
async function load(sftp: SFTPWrapper, path: string): Promise<Buffer> {
  const handle = await openFile(sftp, path, READ);
  const { size } = await call<{ size: number }>((done) => sftp.fstat(handle, done));
  const content = Buffer.alloc(size);
  const parts = Array.from({ length: Math.ceil(size / 32768) }, (_, at) => at * 32768);
  await Promise.all(
    parts.map((at) =>
      call<number>((done) => sftp.read(handle, content, at, Math.min(32768, size - at), at, done))
    ),
  );
  await close(sftp, handle);
  return content;
}

const modeOf = (path: string) => (Deno.statSync(path).mode ?? 0) & 0o7777;

const failsWith = (code: number, message: string) => ({ code, message });

hostTest("SFTP stores and returns content with pipelined requests", async (host, client) => {
  const sftp = await openSftp(client);
  const data = content(5_000_001);
  await store(sftp, "big.bin", data);
  assert.ok(Buffer.from(await Deno.readFile(`${host.directory}/big.bin`)).equals(data));
  assert.ok((await load(sftp, `${host.directory}/big.bin`)).equals(data));
  assert.equal(host.commandCount(), 0);
});

hostTest("SFTP honors open flags, mode and umask", async (host, client) => {
  const sftp = await openSftp(client);
  await close(sftp, await openFile(sftp, "a", WRITE | CREAT | EXCL, 0o777));
  assert.equal(modeOf(`${host.directory}/a`), 0o755);
  await close(sftp, await openFile(sftp, "b", WRITE | CREAT));
  assert.equal(modeOf(`${host.directory}/b`), 0o644);
  const taken = openFile(sftp, "a", WRITE | CREAT | EXCL);
  await assert.rejects(taken, failsWith(4, "Failure"));
  await assert.rejects(openFile(sftp, "none", READ), failsWith(2, "No such file"));
  await store(sftp, "log", Buffer.from("one\n"));
  const log = await openFile(sftp, "log", WRITE | APPEND);
  await write(sftp, log, Buffer.from("two\n"), 0);
  await close(sftp, log);
  assert.equal(await Deno.readTextFile(`${host.directory}/log`), "one\ntwo\n");
});

hostTest("SFTP reads and sets attributes by path and by handle", async (_host, client) => {
  const sftp = await openSftp(client);
  await store(sftp, "file", Buffer.from("0123456789"));
  await plain((done) => sftp.setstat("file", { mode: 0o600, size: 5 }, done));
  const handle = await openFile(sftp, "file", READ | WRITE);
  await plain((done) => sftp.fsetstat(handle, { atime: 1000, mtime: 2000 }, done));
  const stats = await call<{ mode: number; size: number; atime: number; mtime: number }>((done) =>
    sftp.fstat(handle, done)
  );
  await close(sftp, handle);
  assert.deepEqual(
    [stats.mode, stats.size, stats.atime, stats.mtime],
    [0o100600, 5, 1000, 2000],
  );
});

hostTest("SFTP lists a directory of 250 names with their attributes", async (host, client) => {
  const sftp = await openSftp(client);
  await plain((done) => sftp.mkdir("many", done));
  for (let at = 0; at < 250; at++) Deno.writeTextFileSync(`${host.directory}/many/ü${at}`, "x");
  const list = await call<{ filename: string; longname: string; attrs: { size: number } }[]>(
    (done) => sftp.readdir("many", done),
  );
  assert.equal(list.length, 250);
  const entry = list.find(({ filename }) => filename === "ü42");
  assert.equal(entry?.attrs.size, 1);
  assert.match(entry?.longname ?? "", /^-rw-r--r-- +1 \w+ +\w+ +1 \w{3} [ \d]\d \d\d:\d\d ü42$/);
});

hostTest("SFTP RENAME never replaces, posix-rename does", async (host, client) => {
  const sftp = await openSftp(client);
  await store(sftp, "from", Buffer.from("from"));
  await store(sftp, "to", Buffer.from("to"));
  await assert.rejects(
    plain((done) => sftp.rename("from", "to", done)),
    failsWith(4, "Failure"),
  );
  assert.equal(await Deno.readTextFile(`${host.directory}/to`), "to");
  await plain((done) => sftp.ext_openssh_rename("from", "to", done));
  assert.equal(await Deno.readTextFile(`${host.directory}/to`), "from");
  await plain((done) => sftp.rename("to", "third", done));
  assert.deepEqual([...Deno.readDirSync(host.directory)].map(({ name }) => name), ["third"]);
});

hostTest("SFTP makes links and resolves paths, a missing last name too", async (host, client) => {
  const sftp = await openSftp(client);
  const real = (path: string) => call<string>((done) => sftp.realpath(path, done));
  await plain((done) => sftp.mkdir("dir", { mode: 0o700 }, done));
  await plain((done) => sftp.symlink("dir", "link", done));
  await plain((done) => sftp.symlink("dir/absent", "dangling", done));
  assert.equal(await Deno.readLink(`${host.directory}/link`), "dir");
  assert.equal(await call<string>((done) => sftp.readlink("link", done)), "dir");
  assert.equal(await real("."), host.directory);
  assert.equal(await real("link/new"), `${host.directory}/dir/new`);
  assert.equal(await real("dangling"), `${host.directory}/dir/absent`);
  await assert.rejects(real("no/where"), failsWith(2, "No such file"));
  await store(sftp, "file", Buffer.from("x"));
  await plain((done) => sftp.ext_openssh_hardlink("file", "second", done));
  assert.equal((await Deno.stat(`${host.directory}/file`)).nlink, 2);
  await plain((done) => sftp.unlink("second", done));
  await assert.rejects(plain((done) => sftp.rmdir("file", done)), failsWith(2, "No such file"));
  await assert.rejects(plain((done) => sftp.unlink("dir", done)), { code: 4 });
  await plain((done) => sftp.rmdir("dir", done));
});

hostTest("SFTP answers fsync and statvfs", async (_host, client) => {
  const sftp = await openSftp(client);
  const handle = await openFile(sftp, "file", WRITE | CREAT);
  await plain((done) => sftp.ext_openssh_fsync(handle, done));
  await close(sftp, handle);
  const disk = await call<{ f_frsize: number; f_blocks: number; f_namemax: number }>((done) =>
    sftp.ext_openssh_statvfs(".", done)
  );
  assert.ok(disk.f_frsize >= 512 && disk.f_blocks > 0);
  assert.equal(disk.f_namemax, 255);
});

hostTest("setFault() refuses the subsystem until the fault is removed", async (host, client) => {
  host.setFault({ refuseSubsystem: true });
  await assert.rejects(openSftp(client), /Unable to start subsystem: sftp/);
  host.setFault({});
  await store(await openSftp(client), "file", Buffer.from("x"));
});

hostTest("setFault() reports a full disk after some bytes", async (host, client) => {
  const sftp = await openSftp(client);
  host.setFault({ diskFullAfterBytes: 100_000 });
  await assert.rejects(store(sftp, "full", content(200_000)), failsWith(4, "Failure"));
  assert.equal((await Deno.stat(`${host.directory}/full`)).size, 100_000);
});

hostTest("setFault() stores one wrong byte", async (host, client) => {
  const sftp = await openSftp(client);
  host.setFault({ corruptByteAt: 40_000 });
  const data = content(100_000);
  await store(sftp, "wrong", data);
  const stored = await Deno.readFile(`${host.directory}/wrong`);
  const wrong = [...stored.keys()].filter((at) => stored[at] !== data[at]);
  assert.deepEqual(wrong, [40_000]);
});

hostTest("setFault() removes RENAME and posix-rename", async (host, client) => {
  const sftp = await openSftp(client);
  await store(sftp, "a", Buffer.from("a"));
  host.setFault({ refuseRename: true, refusePosixRename: true });
  await assert.rejects(plain((done) => sftp.rename("a", "b", done)), { code: 4 });
  const posix = plain((done) => sftp.ext_openssh_rename("a", "b", done));
  await assert.rejects(posix, failsWith(8, "Operation unsupported"));
  const later = await openSftp(client);
  assert.throws(() => later.ext_openssh_rename("a", "b", () => {}), /does not support/);
});

for (const fault of ["cutAfterBytesWritten", "cutAfterBytesRead"] as const) {
  Deno.test(`setFault() cuts the connection with ${fault}`, async () => {
    await using host = await startSshHost();
    const client = await login(host);
    client.on("error", () => {});
    const closed = connectionClosed(client);
    const sftp = await openSftp(client);
    await store(sftp, "file", content(300_000));
    host.setFault({ [fault]: 100_000 });
    const transfer = fault === "cutAfterBytesRead"
      ? load(sftp, "file")
      : store(sftp, "other", content(300_000));
    await assert.rejects(transfer);
    await closed;
    if (fault === "cutAfterBytesWritten") {
      assert.equal((await Deno.stat(`${host.directory}/other`)).size, 100_000);
    }
  });
}

Deno.test("SshHost.close() ends a slow write at once", async () => {
  const host = await startSshHost();
  const client = await login(host);
  client.on("error", () => {});
  const closed = connectionClosed(client);
  const sftp = await openSftp(client);
  host.setFault({ writeDelayMs: 3_600_000 });
  const transfer = assert.rejects(store(sftp, "slow", content(10)));
  await call((done) => client.exec("true", done));
  await host.close();
  await transfer;
  await closed;
});

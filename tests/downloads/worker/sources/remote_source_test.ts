import assert from "node:assert/strict";
import { RemoteExecError } from "../../../../src/errors.ts";
import { peerTest, UNZIP } from "../../../peers/require.ts";
import { FakeFiles } from "../../fake_files.ts";
import { randomBytes, sha256, TestHub } from "../../fixture.ts";
import { ask, BROWSER, PROGRAM } from "../../http.ts";
import { outputOf } from "../../../support/command.ts";
import { until } from "../../../support/until.ts";

const host = (path: string) => ({ from: { kind: "host", path }, expiryMs: 300_000 }) as const;
const container = (path: string) =>
  ({
    from: { kind: "shell", prefix: "pct exec 101 --", path, label: "container 101" },
    expiryMs: 300_000,
  }) as const;

/** Waits until no stream is open: the other side hears of an end by a message. */
const closed = (files: FakeFiles): Promise<void> =>
  until("the end of the streams", () => files.openStreams === 0);

Deno.test("a link to a file of the host streams it when it is opened", async () => {
  using files = new FakeFiles();
  await using test = new TestHub({ files: files.port });
  const content = randomBytes(2_345_678);
  files.file("/var/log/sys.log", content);
  const link = await test.create(host("/var/log/sys.log"));
  assert.deepEqual([link.fileName, link.size, link.fileType], ["sys.log", content.length, "file"]);
  assert.equal(link.sha256, await sha256(content));
  assert.equal(files.calls.includes("read /var/log/sys.log"), false);
  assert.equal((await ask(link.url, BROWSER)).status, 200);
  assert.equal((await ask(link.url, PROGRAM, "HEAD")).headers.get("content-length"), "2345678");
  assert.equal(files.calls.includes("read /var/log/sys.log"), false);
  const { bytes, status, headers } = await ask(link.url);
  assert.equal(status, 200);
  assert.deepEqual(bytes, content);
  assert.equal(headers.get("content-length"), "2345678");
  assert.equal((await ask(link.url)).status, 404);
  await closed(files);
  assert.equal(test.hub.store.report().openLinks.length, 0);
});

Deno.test("a link to a file in a container knows where it comes from", async () => {
  using files = new FakeFiles();
  await using test = new TestHub({ files: files.port });
  files.file("/etc/app.conf", "key = value");
  const link = await test.create(container("/etc/app.conf"));
  assert.equal(test.hub.store.report().openLinks[0]?.source, "container");
  assert.equal((await ask(link.url)).text, "key = value");
});

Deno.test("a part of a host's file is given by Range", async () => {
  using files = new FakeFiles();
  await using test = new TestHub({ files: files.port });
  const content = randomBytes(2_000_000);
  files.file("/big", content);
  const link = await test.create(host("/big"));
  const first = await ask(link.url, { ...PROGRAM, Range: "bytes=0-999999" });
  assert.deepEqual(first.bytes, content.subarray(0, 1_000_000));
  const rest = await ask(link.url, { ...PROGRAM, Range: "bytes=1000000-" });
  assert.deepEqual(rest.bytes, content.subarray(1_000_000));
  await test.hub.store.settled();
  assert.equal(test.hub.store.report().statistics.used, 1);
});

Deno.test("a part of a large file of the host is checked by one more hash of the file", async () => {
  using files = new FakeFiles();
  await using test = new TestHub({ files: files.port });
  const content = randomBytes(2_000_000);
  files.file("/big", content);
  const link = await test.create(host("/big"));
  await (await fetch(link.url, { headers: { ...PROGRAM, Range: "bytes=0-99" } })).bytes();
  assert.equal(files.calls.filter((call) => call === "sha256 /big").length, 2);
});

Deno.test("a host's file that changed is refused, also when its size and time stayed", async () => {
  using files = new FakeFiles();
  await using test = new TestHub({ files: files.port });
  const changes: Record<string, (path: string) => void> = {
    "/size": (path) => void files.file(path, "longer than it was"),
    "/time": (path) => {
      files.file(path, "hello").mtimeMs++;
    },
    "/content": (path) => void files.file(path, "HELLO"),
    "/gone": (path) => void files.entries.delete(path),
    "/directory": (path) => void files.entries.set(path, "directory"),
  };
  for (const [path, change] of Object.entries(changes)) {
    files.file(path, "hello");
    const link = await test.create(host(path));
    change(path);
    assert.equal((await ask(link.url)).status, 410, path);
    assert.equal((await ask(link.url, BROWSER)).status, 410, path);
  }
  assert.equal(test.hub.store.report().statistics.used, 5);
  await closed(files);
});

Deno.test("an empty file of the host is a file", async () => {
  using files = new FakeFiles();
  await using test = new TestHub({ files: files.port });
  files.file("/empty", "");
  const link = await test.create(host("/empty"));
  const { status, headers, bytes } = await ask(link.url);
  assert.deepEqual([status, headers.get("content-length"), bytes.length], [200, "0", 0]);
  await test.hub.store.settled();
  assert.equal(test.hub.store.report().statistics.used, 1);
});

Deno.test("no part of a host's file with other content goes out under the old checksum", async () => {
  using files = new FakeFiles();
  await using test = new TestHub({ files: files.port });
  for (const range of ["bytes=0-", "bytes=1-", "bytes=-4", "bytes=0-1"]) {
    files.file("/small", "hello");
    const link = await test.create(host("/small"));
    files.file("/small", "HELLO");
    assert.equal((await ask(link.url, { ...PROGRAM, Range: range })).status, 410, range);
  }
  for (const range of ["bytes=0-", "bytes=1000000-", "bytes=-2000000"]) {
    files.file("/big", randomBytes(3_000_000));
    const link = await test.create(host("/big"));
    files.file("/big", randomBytes(3_000_000));
    await assert.rejects(ask(link.url, { ...PROGRAM, Range: range }), range);
    assert.equal(test.actions().at(-1), "changed");
  }
  await closed(files);
});

Deno.test("parts of a small file of the host are given by Range", async () => {
  using files = new FakeFiles();
  await using test = new TestHub({ files: files.port });
  files.file("/small", "0123456789");
  const link = await test.create(host("/small"));
  const parts = [];
  for (const range of ["bytes=0-3", "bytes=-2", "bytes=4-8"]) {
    parts.push((await ask(link.url, { ...PROGRAM, Range: range })).text);
  }
  assert.deepEqual(parts, ["0123", "89", "45678"]);
  await test.hub.store.settled();
  assert.equal(test.hub.store.report().statistics.used, 1);
});

Deno.test("a large file of the host with other content is aborted before its end", async () => {
  using files = new FakeFiles();
  await using test = new TestHub({ files: files.port });
  files.file("/big", randomBytes(3_000_000));
  const link = await test.create(host("/big"));
  files.file("/big", randomBytes(3_000_000));
  await assert.rejects(ask(link.url));
  assert.deepEqual(test.actions(), ["created", "claimed", "interrupted", "changed"]);
});

Deno.test("a host that cannot be reached leaves the link as it was", async () => {
  using files = new FakeFiles();
  await using test = new TestHub({ files: files.port });
  files.file("/a", "hello");
  const link = await test.create(host("/a"));
  files.failure = new RemoteExecError("unreachable", "No answer from db.internal", "Wait");
  const refused = await ask(link.url);
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [503, "5"]);
  assert.equal(refused.text.includes("db.internal"), false);
  files.failure = undefined;
  assert.equal((await ask(link.url, { ...PROGRAM, "User-Agent": "wget" })).text, "hello");
  await test.hub.store.settled();
  assert.deepEqual(test.actions(), [
    "created",
    "claimed",
    "unavailable",
    "released",
    "claimed",
    "used",
  ]);
});

Deno.test("a reader that goes away ends the reading on the host", async () => {
  using files = new FakeFiles();
  await using test = new TestHub({ files: files.port });
  files.file("/big", randomBytes(30_000_000));
  const link = await test.create(host("/big"));
  const response = await fetch(link.url, { headers: PROGRAM });
  const reader = response.body?.getReader();
  await reader?.read();
  await reader?.cancel();
  await closed(files);
  assert.ok(test.actions().includes("interrupted"));
});

Deno.test("links to the other side have limits and rules too", async () => {
  using files = new FakeFiles();
  await using test = new TestHub({ files: files.port, downloads: { maxBytes: 10 } });
  files.file("/big", "12345678901");
  files.file("/tree/a", "123456");
  files.file("/tree/b", "123456");
  files.entries.set("/tree", "directory");
  files.entries.set("/dev/sda", "other");
  await assert.rejects(test.create(host("/big")), { code: "too_large" });
  await assert.rejects(test.create(host("/tree")), {
    code: "too_large",
    message: /DOWNLOAD|entries/,
  });
  await assert.rejects(test.create(host("/dev/sda")), { code: "not_a_file" });
  await assert.rejects(test.create(host("/missing")), { code: "not_found" });
  await assert.rejects(test.create(host("/tree/../big")), { code: "invalid_argument" });
  await using without = new TestHub();
  await assert.rejects(without.create(host("/big")), { code: "not_configured" });
});

async function unzipped(test: TestHub, bytes: Uint8Array): Promise<string> {
  const archive = test.outside("answer.zip");
  Deno.writeFileSync(archive, bytes);
  await outputOf("unzip", "-tq", archive);
  await outputOf("unzip", "-q", archive, "-d", test.outside("out"));
  return test.outside("out");
}

peerTest({
  name: "a directory of the host is zipped while it streams; links are left out and named",
  peer: UNZIP,
  async fn() {
    using files = new FakeFiles();
    await using test = new TestHub({ files: files.port });
    const big = randomBytes(700_000);
    files.entries.set("/srv/site", "directory");
    files.entries.set("/srv/site/empty", "directory");
    for (let n = 0; n < 30; n++) files.file(`/srv/site/${n}.txt`, `page ${n}`);
    files.file("/srv/site/run.sh", "#!/bin/sh", 0o755);
    files.file("/srv/site/big", big);
    files.entries.set("/srv/site/out", "link");
    files.entries.set("/srv/site/socket", "other");
    const link = await test.create(host("/srv/site"));
    assert.deepEqual(link.leftOut, { count: 2, names: ["out (link)", "socket (special file)"] });
    assert.equal(link.fileType, "directory");
    const { bytes, headers } = await ask(link.url);
    assert.match(headers.get("content-disposition") ?? "", /filename="site\.zip"/);
    assert.equal(headers.get("content-length"), null);
    assert.equal(headers.get("accept-ranges"), null);
    const out = await unzipped(test, bytes);
    assert.deepEqual(Deno.readFileSync(`${out}/big`), big);
    assert.equal(Deno.readTextFileSync(`${out}/29.txt`), "page 29");
    assert.equal((Deno.statSync(`${out}/run.sh`).mode ?? 0) & 0o777, 0o755);
    assert.equal(Deno.statSync(`${out}/run.sh`).mtime?.toISOString(), "2025-06-01T10:00:00.000Z");
    assert.equal(Deno.statSync(`${out}/empty`).isDirectory, true);
    await closed(files);
  },
});

peerTest({
  name: "a directory of a container is read as one tar stream",
  peer: UNZIP,
  async fn() {
    using files = new FakeFiles();
    await using test = new TestHub({ files: files.port });
    test.write("tree/naïve name.txt", "hello");
    test.write("tree/sub/deep", "deep");
    Deno.linkSync(`${test.directory}/tree/sub/deep`, `${test.directory}/tree/twin`);
    Deno.symlinkSync("sub", `${test.directory}/tree/link`);
    files.tar = new Uint8Array(
      (await new Deno.Command("tar", { args: ["-cf", "-", "-C", `${test.directory}/tree`, "."] })
        .output()).stdout,
    );
    files.entries.set("/opt/tree", "directory");
    files.file("/opt/tree/naïve name.txt", "hello");
    for (const path of ["/opt/tree/sub/deep", "/opt/tree/twin"]) files.file(path, "deep");
    files.entries.set("/opt/tree/link", "link");
    const link = await test.create(container("/opt/tree"));
    assert.deepEqual(link.leftOut.names, ["link (link)"]);
    const out = await unzipped(test, (await ask(link.url)).bytes);
    assert.equal(Deno.readTextFileSync(`${out}/naïve name.txt`), "hello");
    assert.equal(Deno.readTextFileSync(`${out}/sub/deep`), "deep");
    assert.equal(Deno.readTextFileSync(`${out}/twin`), "deep");
    assert.throws(() => Deno.lstatSync(`${out}/link`), Deno.errors.NotFound);
  },
});

peerTest({
  name: "a file of the host that cannot be opened is named in the archive",
  peer: UNZIP,
  async fn() {
    using files = new FakeFiles();
    await using test = new TestHub({ files: files.port });
    files.entries.set("/etc", "directory");
    files.file("/etc/hosts", "127.0.0.1");
    const link = await test.create(host("/etc"));
    files.failure = new RemoteExecError("not_permitted", "Cannot read", "Check the owner");
    const out = await unzipped(test, (await ask(link.url)).bytes);
    assert.match(
      Deno.readTextFileSync(`${out}/_left_out.txt`),
      /^Not in this archive[^\n]*\nhosts\n$/,
    );
  },
});

Deno.test("a connection that is lost breaks an archive off", async () => {
  using files = new FakeFiles();
  await using test = new TestHub({ files: files.port });
  files.entries.set("/etc", "directory");
  files.file("/etc/hosts", "127.0.0.1");
  const link = await test.create(host("/etc"));
  files.failure = new RemoteExecError("connection_lost", "The connection was lost", "Try again");
  assert.equal((await ask(link.url)).status, 503);
  assert.equal(test.hub.store.report().statistics.active, 1);
});

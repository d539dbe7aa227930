import assert from "node:assert/strict";
import fc from "../../../support/property.ts";
import { zipArchive } from "../../../../src/downloads/worker/archive/zip_archive.ts";
import type { ArchiveEntry } from "../../../../src/downloads/worker/archive/zip_records.ts";
import { ArchiveNames } from "../../../../src/downloads/worker/safe_names.ts";
import { peerTest, PYTHON, UNZIP } from "../../../peers/require.ts";
import { TestHub } from "../../fixture.ts";
import { ask } from "../../http.ts";
import { outputOf } from "../../../support/command.ts";

const SECOND_MS = 1000;

const member = (path: string, text: string, more: Partial<ArchiveEntry> = {}): ArchiveEntry => {
  const bytes = new TextEncoder().encode(text);
  return {
    path,
    kind: "file",
    size: bytes.length,
    mtimeMs: Date.parse("2024-02-29T23:59:59Z"),
    mode: 0o644,
    async *content() {
      for (let at = 0; at < bytes.length; at += 100_000) {
        yield await Promise.resolve(bytes.subarray(at, at + 100_000));
      }
    },
    ...more,
  };
};

async function* each(entries: readonly ArchiveEntry[]) {
  for (const entry of entries) yield await Promise.resolve(entry);
}

async function packed(entries: readonly ArchiveEntry[]): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of zipArchive(each(entries))) pieces.push(piece.slice());
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

/** What Python's zipfile finds in an archive: names, contents' lengths, modes. Checks every CRC. */
const PYTHON_LIST = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    print(json.dumps([[i.filename, i.file_size, i.external_attr >> 16] for i in archive.infolist()]))
`;

async function pythonList(archive: string): Promise<[string, number, number][]> {
  // The script prints exactly this.
  return JSON.parse(await outputOf("/usr/bin/python3", "-c", PYTHON_LIST, archive)) as [
    string,
    number,
    number,
  ][];
}

peerTest({
  name: "an archive keeps names, content, modes, times and empty directories",
  peer: [UNZIP, PYTHON],
  async fn() {
    await using test = new TestHub();
    const big = "x".repeat(700_000);
    const directory = { kind: "directory", size: 0, mode: 0o700 } as const;
    const archive = test.outside("a.zip");
    const bytes = await packed([
      member("empty", "", directory),
      member("ünï 目录", "", { ...directory, mode: 0o755 }),
      member('ünï 目录/naïve "q" 😀.txt', "hello"),
      member("run.sh", "#!/bin/sh\n", { mode: 0o750, mtimeMs: 1_500_000_001 * SECOND_MS }),
      member("nothing", ""),
      member("big", big),
      member("old", "o", { mtimeMs: 0 }),
    ]);
    Deno.writeFileSync(archive, bytes);
    await outputOf("unzip", "-tq", archive);
    await outputOf("unzip", "-q", archive, "-d", test.outside("out"));
    const at = (path: string) => `${test.outside("out")}/${path}`;
    assert.equal(Deno.readTextFileSync(at('ünï 目录/naïve "q" 😀.txt')), "hello");
    assert.equal(Deno.readTextFileSync(at("big")), big);
    assert.equal(Deno.readTextFileSync(at("nothing")), "");
    assert.equal(Deno.statSync(at("empty")).isDirectory, true);
    assert.equal((Deno.statSync(at("run.sh")).mode ?? 0) & 0o7777, 0o750);
    assert.equal(Deno.statSync(at("run.sh")).mtime?.getTime(), 1_500_000_001 * SECOND_MS);
    assert.equal(Deno.statSync(at("old")).mtime?.getTime(), 0);
    assert.equal(Deno.statSync(at("big")).mtime?.toISOString(), "2024-02-29T23:59:59.000Z");
    assert.deepEqual(await pythonList(archive), [
      ["empty/", 0, 0o40700],
      ["ünï 目录/", 0, 0o40755],
      ['ünï 目录/naïve "q" 😀.txt', 5, 0o100644],
      ["run.sh", 10, 0o100750],
      ["nothing", 0, 0o100644],
      ["big", 700_000, 0o100644],
      ["old", 1, 0o100644],
    ]);
  },
});

peerTest({
  name: "an archive of anything is read back by Python under its cleaned names",
  peer: PYTHON,
  async fn() {
    await using test = new TestHub();
    const archive = test.outside("a.zip");
    const name = fc.stringMatching(/^[^/\0\ud800-\udfff]{1,30}$/u);
    const entries = fc.uniqueArray(fc.tuple(name, fc.string({ maxLength: 300 })), {
      selector: ([path]) => path,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(entries, async (wanted) => {
        const members = wanted.map(([path, text]) => member(path, text));
        Deno.writeFileSync(archive, await packed(members));
        const names = new ArchiveNames();
        const sizes = members.map((entry) => [names.place(entry), entry.size]);
        assert.deepEqual((await pythonList(archive)).map(([path, size]) => [path, size]), sizes);
      }),
      { numRuns: 15 },
    );
  },
});

Deno.test("an archive is aborted when a member has another length than announced", async () => {
  for (const size of [4, 6, 400_000]) {
    await assert.rejects(packed([member("a", "hello", { size })]), { code: "changed" });
  }
  const long = member("a", "x".repeat(500_000), { size: 400_000 });
  await assert.rejects(packed([long]), { code: "changed" });
  await assert.rejects(packed([member("a", "hello", { size: 0 })]), { code: "changed" });
});

const MEMORY_BYTES = 64 * 1024 * 1024;

async function archiveOf(count: number, size: number, target: string) {
  const script = new URL("./zip_memory.ts", import.meta.url).pathname;
  // A small heap, so that garbage does not count; what really needs more than it ends the program.
  const heap = "--v8-flags=--max-old-space-size=32,--max-semi-space-size=1,--single-threaded-gc";
  const args = ["run", "-q", heap, "--allow-read", "--allow-write", script];
  const text = await outputOf(Deno.execPath(), ...args, String(count), String(size), target);
  // The script prints exactly this.
  return JSON.parse(text) as { bytes: number; growthBytes: number };
}

peerTest({
  name: "100,000 members are packed within 64 MB",
  peer: [PYTHON, UNZIP],
  async fn() {
    await using test = new TestHub();
    const archive = test.outside("many.zip");
    const { growthBytes } = await archiveOf(100_000, 20, archive);
    assert.ok(growthBytes < MEMORY_BYTES, `${growthBytes} bytes`);
    await outputOf("unzip", "-tq", archive);
    const list = await pythonList(archive);
    assert.equal(list.length, 100_001);
    assert.deepEqual(list.at(-1), ["zz last", 7, 0o100600]);
  },
});

/** Reads all of the huge archive too, which takes most of a minute. Its checksum is compared in any case. */
const FULL = Deno.env.get("LARGE_TESTS") === "1";

/** Its size, and the place of what comes after it, need more than 32 bits. */
const HUGE = 4 * 2 ** 30 + 100_000_000;
/** Of so many zeros; computed with Python's zlib. */
const HUGE_CRC = 0xda4e90f5;

const PYTHON_LAST = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    print([i.file_size for i in archive.infolist()], archive.infolist()[0].CRC, archive.read("zz last"))
`;

peerTest({
  name: "a member of more than 4 GiB is packed within 64 MB, and the member after it is found",
  peer: [PYTHON, UNZIP],
  async fn() {
    await using test = new TestHub();
    const archive = test.outside("huge.zip");
    const { growthBytes, bytes } = await archiveOf(1, HUGE, archive);
    assert.ok(growthBytes < MEMORY_BYTES, `${growthBytes} bytes`);
    assert.ok(bytes > HUGE);
    const seen = await outputOf("/usr/bin/python3", "-c", PYTHON_LAST, archive);
    assert.equal(seen.trim(), `[${HUGE}, 7] ${HUGE_CRC} b'the end'`);
    assert.equal(await outputOf("unzip", "-p", archive, "zz last"), "the end");
    if (FULL) await outputOf("unzip", "-tq", archive);
  },
});

peerTest({
  name: "a linked directory arrives complete as a zip archive",
  peer: UNZIP,
  async fn() {
    await using test = new TestHub();
    for (let n = 0; n < 60; n++) test.write(`tree/${n % 7}/${n}.txt`, `content ${n}`);
    test.write("tree/big", "b".repeat(3_000_000));
    Deno.mkdirSync(`${test.directory}/tree/empty`);
    Deno.chmodSync(test.write("tree/run.sh", "#!/bin/sh\n"), 0o755);
    const link = await test.link("tree");
    assert.equal(link.fileType, "directory");
    const { bytes, headers } = await ask(link.url);
    assert.equal(headers.get("content-type"), "application/zip");
    assert.match(headers.get("content-disposition") ?? "", /filename="tree\.zip"/);
    const archive = test.outside("a.zip");
    Deno.writeFileSync(archive, bytes);
    await outputOf("unzip", "-q", archive, "-d", test.outside("out"));
    await outputOf("diff", "-r", `${test.directory}/tree`, test.outside("out"));
    assert.equal((Deno.statSync(`${test.outside("out")}/run.sh`).mode ?? 0) & 0o777, 0o755);
    assert.equal((await ask(link.url)).status, 404);
  },
});

import assert from "node:assert/strict";
import { readTar, type TarMember } from "../../src/archive/tar_reader.ts";
import { peer, peerTest } from "../peers/require.ts";
import { TestHub } from "../downloads/fixture.ts";

const TAR = peer("tar", "/usr/bin/tar");

const streamOf = (bytes: Uint8Array, step: number) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += step) {
        controller.enqueue(bytes.subarray(at, at + step));
      }
      controller.close();
    },
  });

async function members(bytes: Uint8Array, step = 1000) {
  const found: (Omit<TarMember, "content"> & { text: string })[] = [];
  for await (const { content, ...facts } of readTar(streamOf(bytes, step))) {
    const pieces = [];
    for await (const piece of content()) pieces.push(piece.slice());
    found.push({ ...facts, text: await new Blob(pieces).text() });
  }
  return found;
}

async function pack(test: TestHub, ...args: string[]): Promise<Uint8Array> {
  const where = ["-C", `${test.directory}/tree`, "."];
  const { stdout, code, stderr } = await new Deno.Command("tar", {
    args: ["-cf", "-", "--sort=name", ...args, ...where],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return stdout;
}

for (const format of ["gnu", "pax", "ustar", "v7"]) {
  peerTest({
    name: `readTar() reads what GNU tar writes as ${format}`,
    peer: TAR,
    async fn() {
      await using test = new TestHub();
      const isShort = format === "v7" || format === "ustar";
      const long = isShort ? "d".repeat(90) : `${"d".repeat(120)}/${"e".repeat(130)}`;
      test.write(`tree/${long}/x`, "in the depth");
      test.write("tree/ünï 😀", "a".repeat(5000));
      test.write("tree/empty", "");
      Deno.chmodSync(test.write("tree/run.sh", "#!/bin/sh\n"), 0o750);
      Deno.utimeSync(`${test.directory}/tree/run.sh`, 1_500_000_000, 1_500_000_000);
      Deno.symlinkSync("run.sh", `${test.directory}/tree/link`);
      const bytes = await pack(test, `--format=${format}`);
      for (const step of [1000, 1, 512, 1_000_000]) {
        const found = await members(bytes, step);
        const by = new Map(found.map((member) => [member.path, member]));
        assert.equal(by.get(`${long}/x`)?.text, "in the depth");
        assert.equal(by.get(long)?.kind, "directory");
        assert.equal(by.get("ünï 😀")?.text, "a".repeat(5000));
        assert.deepEqual([by.get("empty")?.kind, by.get("empty")?.size], ["file", 0]);
        assert.deepEqual(by.get("run.sh"), {
          path: "run.sh",
          kind: "file",
          size: 10,
          mtimeMs: 1_500_000_000_000,
          mode: 0o750,
          text: "#!/bin/sh\n",
        });
        assert.equal(by.get("link")?.kind, "other");
        assert.equal(by.has(""), false);
      }
    },
  });
}

peerTest({
  name: "readTar() skips content that was not read",
  peer: TAR,
  async fn() {
    await using test = new TestHub();
    test.write("tree/a", "a".repeat(5000));
    test.write("tree/b", "b");
    const seen = [];
    for await (const member of readTar(streamOf(await pack(test), 700))) {
      seen.push(member.path);
      if (member.path === "a") await member.content().next();
    }
    assert.deepEqual(seen, ["a", "b"]);
  },
});

peerTest({
  name: "readTar() refuses a stream that ends early, is damaged or leads out",
  peer: TAR,
  async fn() {
    await using test = new TestHub();
    test.write("tree/a", "a".repeat(5000));
    const bytes = await pack(test);
    await assert.rejects(members(bytes.subarray(0, 3000)), { code: "io_error" });
    await assert.rejects(members(bytes.slice().fill(7, 600, 700)), { code: "io_error" });
    const out = await pack(test, "--transform=s,a,../../a,", "-P");
    await assert.rejects(members(out), { code: "io_error" });
  },
});

peerTest({
  name: "readTar() counts every member, and refuses more than the max",
  peer: TAR,
  async fn() {
    await using test = new TestHub();
    for (const name of ["a", "b"]) test.write(`tree/${name}`, name);
    Deno.symlinkSync("a", `${test.directory}/tree/link`);
    const bytes = await pack(test);
    const read = async (maxEntries: number) => {
      const seen: string[] = [];
      const all = readTar(streamOf(bytes, 1000), { maxEntries });
      for await (const { path } of all) seen.push(path);
      return seen;
    };
    assert.deepEqual(await read(3), ["a", "b", "link"]);
    await assert.rejects(read(2), { code: "too_large" });
  },
});

peerTest({
  name: "readTar() refuses records without end",
  peer: TAR,
  async fn() {
    await using test = new TestHub();
    test.write("tree/a", "a");
    const root = (await pack(test)).subarray(0, 512);
    const many = new Uint8Array(512 * 100);
    for (let at = 0; at < many.length; at += 512) many.set(root, at);
    await assert.rejects(members(many), { code: "io_error", message: /too many records/ });
  },
});

for (const format of ["gnu", "pax"]) {
  peerTest({
    name: `readTar() reads a file older than 1970 from what GNU tar writes as ${format}`,
    peer: TAR,
    async fn() {
      await using test = new TestHub();
      test.write("tree/old", "a");
      const time = new Date("1960-01-01T00:00:00Z");
      Deno.utimeSync(`${test.directory}/tree/old`, time, time);
      test.write("tree/young", "b");
      const found = await members(await pack(test, `--format=${format}`));
      assert.deepEqual(found.map(({ path }) => path), ["old", "young"]);
      assert.equal(found[0]?.mtimeMs, Date.parse("1960-01-01T00:00:00Z"));
    },
  });
}

peerTest({
  name: "readTar() yields no sparse member as a plain file",
  peer: TAR,
  async fn() {
    await using test = new TestHub();
    Deno.truncateSync(test.write("tree/sparse", "a"), 1_000_000);
    test.write("tree/z", "z");
    const found = await members(await pack(test, "--sparse", "--format=gnu"));
    assert.deepEqual(found.map(({ path, kind }) => [path, kind]), [["sparse", "other"], [
      "z",
      "file",
    ]]);
  },
});

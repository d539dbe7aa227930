import assert from "node:assert/strict";
import { readTar } from "../../src/archive/tar_reader.ts";
import { TAR_END, type TarEntry, tarHeader, tarPadding } from "../../src/archive/tar_writer.ts";
import { peer, peerTest } from "../peers/require.ts";
import { run } from "../peers/account.ts";

const TAR = peer("tar", "/usr/bin/tar");
const BUSYBOX = peer("busybox", "/usr/bin/busybox", "busybox-static");

const base = { mode: 0o640, mtime: 1_500_000_000, uid: 0, gid: 0 };
const ENTRIES: readonly TarEntry[] = [
  { ...base, path: "short", kind: "file", size: 5 },
  { ...base, path: "n".repeat(255), kind: "file", size: 0 },
  { ...base, path: `${"d".repeat(200)}/${"ü".repeat(120)}`, kind: "file", size: 1000 },
  { ...base, path: "old", kind: "file", size: 1, mtime: -86_400 },
  { ...base, path: "empty", kind: "directory", size: 0, mode: 0o750 },
  { ...base, path: "link", kind: "link", size: 0, target: `${"t".repeat(150)}/x` },
  { ...base, path: "new\nline", kind: "file", size: 2 },
];

const archive = (entries: readonly TarEntry[]): Blob =>
  new Blob([
    ...entries.flatMap((entry) => [
      tarHeader(entry),
      new Uint8Array(entry.size).fill(120),
      new Uint8Array(tarPadding(entry.size)),
    ]),
    TAR_END,
  ]);

for (const [program, needed] of [["tar", TAR], ["busybox tar", BUSYBOX]] as const) {
  peerTest({
    name: `tarHeader() makes members that ${program} unpacks`,
    peer: [TAR, needed],
    async fn() {
      const top = await Deno.makeTempDir({ prefix: "mre_tar_" });
      try {
        Deno.writeFileSync(`${top}/archive`, await archive(ENTRIES).bytes());
        await run("sh", ["-c", `cd ${top} && mkdir out && cd out && ${program} -xpf ../archive`]);
        for (const { path, kind, size, mode, mtime, target } of ENTRIES) {
          const info = Deno.lstatSync(`${top}/out/${path}`);
          const found = info.isFile ? "file" : info.isDirectory ? "directory" : "link";
          assert.equal(found, kind, path);
          if (kind === "link") assert.equal(Deno.readLinkSync(`${top}/out/${path}`), target);
          else assert.equal((info.mode ?? 0) & 0o7777, mode);
          if (kind === "file") assert.equal(info.size, size);
          if (kind === "file") assert.equal(info.mtime?.getTime(), mtime * 1000, path);
        }
      } finally {
        await Deno.remove(top, { recursive: true });
      }
    },
  });
}

Deno.test("readTar() reads what tarHeader() makes", async () => {
  const found = [];
  for await (const { path, size, mtimeMs } of readTar(archive(ENTRIES).stream())) {
    found.push([path, size, mtimeMs]);
  }
  assert.deepEqual(found, ENTRIES.map(({ path, size, mtime }) => [path, size, mtime * 1000]));
});

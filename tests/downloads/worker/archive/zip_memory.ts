import { zipArchive } from "../../../../src/downloads/worker/archive/zip_archive.ts";

/**
 * Writes an archive of many or huge made-up members to a file, leaving holes where the pieces of a huge member, all zeros, belong,
 * and prints how much memory that took: `{ "bytes": …, "growthBytes": … }`.
 */
const PIECE_BYTES = 512 * 1024;
const [count = "0", size = "0", target = ""] = Deno.args;
const before = memory();
let peak = before;
let bytes = 0;
using file = await Deno.open(target, { write: true, create: true, truncate: true });
for await (const chunk of zipArchive(members(Number(count), Number(size)))) {
  if (chunk.length === PIECE_BYTES) await file.seek(chunk.length, Deno.SeekMode.Current);
  else await writeAll(chunk);
  bytes += chunk.length;
  peak = Math.max(peak, memory());
}
await file.truncate(bytes);
await Deno.stdout.write(
  new TextEncoder().encode(JSON.stringify({ bytes, growthBytes: peak - before })),
);

async function* members(count: number, size: number) {
  const piece = new Uint8Array(PIECE_BYTES);
  for (let n = 0; n < count; n++) {
    const path = `directory/${n % 100}/a file with a longer name ${n}.txt`;
    yield { path, kind: "file" as const, size, mtimeMs: 1_700_000_000_000, mode: 0o640, content };
  }
  const path = "zz last";
  const last = () => single(new TextEncoder().encode("the end"));
  yield { path, kind: "file" as const, size: 7, mtimeMs: 0, mode: 0o600, content: last };

  async function* content() {
    for (let left = size; left > 0; left -= piece.length) {
      yield await Promise.resolve(piece.subarray(0, left));
    }
  }
}

async function* single(piece: Uint8Array) {
  yield await Promise.resolve(piece);
}

async function writeAll(chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length;) done += await file.write(chunk.subarray(done));
}

function memory(): number {
  return Deno.memoryUsage().rss;
}

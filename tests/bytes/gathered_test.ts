import assert from "node:assert/strict";
import { CHUNK_BYTES } from "../../src/bytes/byte_reader.ts";
import { gathered } from "../../src/bytes/gathered.ts";
import { pure } from "../support/pure.ts";

pure("gathered() joins pieces that are reused to chunks that are not", async () => {
  const piece = new Uint8Array(100_000);
  const pieces = async function* () {
    for (let turn = 1; turn <= 7; turn++) yield await Promise.resolve(piece.fill(turn));
  };
  const chunks: Uint8Array[] = [];
  for await (const chunk of gathered(pieces())) chunks.push(chunk);
  assert.deepEqual(chunks.map(({ length }) => length), [
    CHUNK_BYTES,
    CHUNK_BYTES,
    700_000 - 2 * CHUNK_BYTES,
  ]);
  const all = await new Blob(chunks.map((chunk) => new Uint8Array(chunk))).bytes();
  for (let turn = 1; turn <= 7; turn++) assert.equal(all[turn * 100_000 - 1], turn);
});

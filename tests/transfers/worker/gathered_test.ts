import assert from "node:assert/strict";
import { GatheredReader } from "../../../src/transfers/worker/gathered.ts";
import { pure } from "../../support/pure.ts";

/** Bytes that differ from their neighbours, from `from` on. */
const bytes = (from: number, length: number) =>
  Uint8Array.from({ length }, (_, index) => (from + index) % 251);

function streamOf(lengths: readonly number[], failure?: Error): ReadableStream<Uint8Array> {
  let next = 0;
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      const length = lengths[next++];
      if (length !== undefined) {
        controller.enqueue(bytes(sent, length));
        sent += length;
      } else if (failure !== undefined) controller.error(failure);
      else controller.close();
    },
  });
}

async function all(reader: GatheredReader): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const piece = await reader.next();
    if (piece === undefined) return pieces;
    pieces.push(piece);
  }
}

pure("next() makes full pieces of small and of large chunks, with the same bytes", async () => {
  for (const lengths of [new Array(900).fill(1_000), [900_000], [1, 600_000, 0, 299_999]]) {
    const pieces = await all(new GatheredReader(streamOf(lengths)));
    assert.deepEqual(pieces.map(({ length }) => length), [261_120, 261_120, 261_120, 116_640]);
    assert.deepEqual(
      new Uint8Array(await new Blob(pieces.map((each) => each.slice())).bytes()),
      bytes(0, 900_000),
    );
  }
});

pure("next() gives what came before a failure, then the failure", async () => {
  const failure = new Error("cut");
  const reader = new GatheredReader(streamOf([10, 20], failure));
  assert.equal((await reader.next())?.length, 30);
  await assert.rejects(reader.next(), failure);
});

pure("next() gives nothing of an empty stream", async () => {
  assert.deepEqual(await all(new GatheredReader(streamOf([]))), []);
});

import assert from "node:assert/strict";
import { ByteReader } from "../../src/bytes/byte_reader.ts";
import { pure } from "../support/pure.ts";

/** Bytes that differ from their neighbors, from `from` on. */
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

async function all(reader: ByteReader, nowMs = () => 0): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const piece = await reader.gather(nowMs);
    if (piece === undefined) return pieces;
    pieces.push(piece);
  }
}

pure("gather() makes full pieces of small and of large chunks, with the same bytes", async () => {
  for (const lengths of [new Array(900).fill(1_000), [900_000], [1, 600_000, 0, 299_999]]) {
    const pieces = await all(new ByteReader(streamOf(lengths)));
    assert.deepEqual(pieces.map(({ length }) => length), [261_120, 261_120, 261_120, 116_640]);
    assert.deepEqual(
      new Uint8Array(await new Blob(pieces.map((each) => each.slice())).bytes()),
      bytes(0, 900_000),
    );
  }
});

pure("gather() does not hold a slow stream back for more than a quarter of a second", async () => {
  let nowMs = 0;
  const pieces = await all(new ByteReader(streamOf([10, 10, 10, 10])), () => nowMs += 100);
  assert.deepEqual(pieces.map(({ length }) => length), [30, 10]);
});

pure("gather() returns what came before a failure, then throws it", async () => {
  const failure = new Error("cut");
  const reader = new ByteReader(streamOf([10, 20], failure));
  assert.equal((await reader.gather())?.length, 30);
  await assert.rejects(reader.gather(), failure);
});

pure("gather() returns nothing of an empty stream", async () => {
  assert.deepEqual(await all(new ByteReader(streamOf([]))), []);
});

pure("fill() cuts a stream into parts of one length, the last one shorter", async () => {
  const reader = new ByteReader(streamOf([3, 0, 9, 1]));
  const buffer = new Uint8Array(5);
  const lengths = [];
  while (await reader.hasMore()) lengths.push(await reader.fill(buffer));
  assert.deepEqual(lengths, [5, 5, 3]);
  assert.deepEqual(buffer.subarray(0, 3), bytes(10, 3));
  assert.equal(reader.position, 13);
  assert.equal(await reader.fill(buffer), 0);
});

pure("fill() throws the failure of the stream", async () => {
  const failure = new Error("cut");
  const reader = new ByteReader(streamOf([3], failure));
  await assert.rejects(reader.fill(new Uint8Array(5)), failure);
  await assert.rejects(reader.hasMore(), failure);
});

pure("read() returns the bytes as they arrive, up to a maximum", async () => {
  const reader = new ByteReader(streamOf([4, 2]));
  assert.deepEqual(await reader.read(3), bytes(0, 3));
  assert.deepEqual(await reader.read(), bytes(3, 1));
  assert.deepEqual(await reader.read(), bytes(4, 2));
  assert.equal(await reader.read(), undefined);
});

pure("an abort rejects a read that waits and cancels the stream", async () => {
  const cancelled = Promise.withResolvers<unknown>();
  const stream = new ReadableStream<Uint8Array>({ cancel: cancelled.resolve });
  const controller = new AbortController();
  const reader = new ByteReader(stream, controller.signal);
  const reading = reader.read();
  const reason = new Error("stopped");
  controller.abort(reason);
  await assert.rejects(reading, reason);
  assert.equal(await cancelled.promise, reason);
  await assert.rejects(new ByteReader(streamOf([1]), controller.signal).read(), reason);
});

pure("cancel() does not wait for a stream whose peer hangs", async () => {
  const stream = new ReadableStream<Uint8Array>({ cancel: () => new Promise(() => {}) });
  const reader = new ByteReader(stream);
  reader.cancel();
  assert.equal(await reader.read(), undefined);
});

pure("readUntil() joins the chunks before a delimiter and leaves what follows it", async () => {
  const reader = new ByteReader(streamOf([3, 4, 1]));
  assert.deepEqual(await reader.readUntil(5, 100), bytes(0, 5));
  assert.deepEqual(await reader.readUntil(6, 100), new Uint8Array());
  assert.deepEqual(await reader.read(), bytes(7, 1));
  assert.equal(await reader.readUntil(5, 100), undefined);
});

pure(
  "readUntil() refuses more bytes than allowed, and throws the failure of the stream",
  async () => {
    await assert.rejects(new ByteReader(streamOf([9])).readUntil(8, 7), RangeError);
    const failure = new Error("cut");
    await assert.rejects(new ByteReader(streamOf([3], failure)).readUntil(8, 100), failure);
  },
);

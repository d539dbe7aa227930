import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { RemoteExecError } from "../../src/errors.ts";
import { receiveStream, sendStream } from "../../src/rpc/parcel.ts";
import { until } from "../support/until.ts";

const unexpected = (defect: unknown) => assert.fail(String(defect));

/** A stream that counts the requested pieces. */
function counted(pieces: readonly Uint8Array[]) {
  const seen = { pulled: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces[seen.pulled++];
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    },
    cancel() {
      seen.cancelled = true;
    },
  }, { highWaterMark: 0 });
  return { seen, stream };
}

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve));
};

Deno.test("a stream arrives complete, whatever the size of its pieces", async () => {
  const pieces = [1, 300_000, 0, 7].map((size, index) => new Uint8Array(size).fill(index));
  const { stream } = counted(pieces);
  const arrived = await Array.fromAsync(receiveStream(sendStream(stream, unexpected)));
  assert.deepEqual(arrived, pieces);
});

Deno.test("sending a piece of a larger buffer, such as a Node Buffer, leaves the buffer intact", async () => {
  const memory = Buffer.from("0123456789");
  const { stream } = counted([memory.subarray(2, 5)]);
  const [arrived] = await Array.fromAsync(receiveStream(sendStream(stream, unexpected)));
  assert.equal(new TextDecoder().decode(arrived), "234");
  assert.equal(memory.toString(), "0123456789");
});

Deno.test("a piece is copied before the next one is requested", async () => {
  const buffer = new Uint8Array(4);
  let turn = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (turn === 20) return controller.close();
      controller.enqueue(buffer.fill(turn++));
    },
  }, { highWaterMark: 0 });
  const arrived = await Array.fromAsync(receiveStream(sendStream(stream, unexpected)));
  assert.deepEqual(arrived.map(([first]) => first), Array.from({ length: 20 }, (_, n) => n));
});

Deno.test("a stalled reader gets four pieces and no more", async () => {
  const { stream, seen } = counted(Array.from({ length: 100 }, () => new Uint8Array(1)));
  const received = receiveStream(sendStream(stream, unexpected));
  await until("four pieces", () => seen.pulled >= 4);
  await turns(20);
  assert.equal(seen.pulled, 4);
  const reader = received.getReader();
  await reader.read();
  await until("a fifth piece", () => seen.pulled >= 5);
  await turns(20);
  assert.equal(seen.pulled, 5);
  await reader.cancel();
});

Deno.test("cancelling a received stream cancels the sent one, at any time", async () => {
  for (const reads of [0, 1, 3]) {
    const { stream, seen } = counted(Array.from({ length: 100 }, () => new Uint8Array(1)));
    const reader = receiveStream(sendStream(stream, unexpected)).getReader();
    for (let read = 0; read < reads; read++) await reader.read();
    await reader.cancel();
    while (!seen.cancelled) await turns(1);
  }
});

Deno.test("an error of a stream keeps its code; a defect is reported only where it happened", async () => {
  const failing = (error: unknown) =>
    new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array(1)),
      pull: () => Promise.reject(error),
    }, { highWaterMark: 0 });
  const known = new RemoteExecError("connection_lost", "It was cut", "Try again");
  await assert.rejects(
    Array.fromAsync(receiveStream(sendStream(failing(known), unexpected))),
    { code: "connection_lost", message: "It was cut", suggestion: "Try again" },
  );
  const defects: unknown[] = [];
  const defect = new TypeError("the password is correct horse");
  const received = receiveStream(sendStream(failing(defect), (seen) => defects.push(seen)));
  await assert.rejects(Array.fromAsync(received), (error) => {
    assert.ok(error instanceof RemoteExecError);
    assert.equal(error.code, "internal");
    assert.doesNotMatch(error.message, /horse/);
    return true;
  });
  assert.deepEqual(defects, [defect]);
});

Deno.test("sendStream() reads ahead no further than the window, whatever is requested", async () => {
  for (const more of [Infinity, "1e9", 2 ** 53, -1, 0.5, NaN, null, 1_000_000]) {
    const { stream, seen } = counted(Array.from({ length: 100 }, () => new Uint8Array(1)));
    const port = sendStream(stream, unexpected);
    port.start();
    for (const message of [{ more }, null, 7, { more: {} }]) port.postMessage(message);
    await turns(20);
    assert.ok(seen.pulled <= 4, `${seen.pulled} pieces for ${more}`);
    port.postMessage({ cancel: true });
    while (!seen.cancelled) await turns(1);
    port.close();
  }
});

Deno.test("sendStream() fails on a piece that is not bytes", async () => {
  const stream = ReadableStream.from(["text"]) as unknown as ReadableStream<Uint8Array>;
  const defects: unknown[] = [];
  const received = receiveStream(sendStream(stream, (defect) => defects.push(defect)));
  await assert.rejects(Array.fromAsync(received), { code: "internal" });
  assert.equal(defects.length, 1);
});

Deno.test("receiveStream() fails on a piece that was not requested or whose memory is shared", async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(1));
  const growing = new Uint8Array(new ArrayBuffer(1, { maxByteLength: 9 }));
  for (const pieces of [Array.from({ length: 5 }, () => new Uint8Array(1)), [shared], [growing]]) {
    const { port1, port2 } = new MessageChannel();
    let isFirst = true;
    port1.onmessage = () => {
      if (isFirst) { for (const piece of pieces) port1.postMessage({ piece }); }
      isFirst = false;
    };
    // Nobody reads, so only the window was requested.
    await assert.rejects(receiveStream(port2).getReader().closed, { code: "internal" });
    port1.close();
  }
});

Deno.test("receiveStream() fails on a piece that is not bytes", async () => {
  for (const message of [null, 7, { piece: "text" }, { error: null }]) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => port1.postMessage(message);
    await assert.rejects(Array.fromAsync(receiveStream(port2)), { code: "internal" });
    port1.close();
  }
});

import assert from "node:assert/strict";
import { createLogger } from "../../src/log.ts";
import { expose } from "../../src/rpc/expose.ts";
import { remote } from "../../src/rpc/remote.ts";

const logger = createLogger("error", [], () => {});

/** One end of a channel whose other end answers as a port with one function `stat`. */
async function overChannel(run: (end: MessagePort) => Promise<void>) {
  const { port1, port2 } = new MessageChannel();
  expose({ stat: () => Promise.resolve("facts"), secret: "not a function" }, logger, port1);
  port2.start();
  try {
    await run(port2);
    const answer = await asked(port2, {
      id: 9_999,
      name: "stat",
      args: [],
      callbacks: [],
      signals: [],
    });
    assert.deepEqual(answer, { id: 9_999, value: "facts" }, "the port still answers");
  } finally {
    port1.close();
    port2.close();
  }
}

/** Returns the answer to a message that a hijacked isolate makes up. */
async function asked(
  end: MessagePort,
  request: { id: number; [field: string]: unknown },
): Promise<Record<string, unknown>> {
  const { promise, resolve } = Promise.withResolvers<Record<string, unknown>>();
  const take = ({ data }: MessageEvent) => data.id === request.id && resolve(data);
  end.addEventListener("message", take);
  end.postMessage(request);
  return await promise.finally(() => end.removeEventListener("message", take));
}

const REQUESTS = [
  { name: "constructor", args: ["return 'foreign code'"], callbacks: [], signals: [] },
  { name: "hasOwnProperty", args: ["stat"], callbacks: [], signals: [] },
  { name: "__proto__", args: [], callbacks: [], signals: [] },
  { name: "get", args: [], callbacks: [], signals: [] },
  { name: "secret", args: [], callbacks: [], signals: [] },
  { name: "absent", args: [], callbacks: [], signals: [] },
  { name: ["stat", "constructor"], args: ["return 1"], callbacks: [], signals: [] },
  { name: ["stat"], args: [], callbacks: [], signals: [] },
  { name: {}, args: [], callbacks: [], signals: [] },
  { args: [], callbacks: [], signals: [] },
  { name: "stat", args: new Array(9), callbacks: [], signals: [] },
  { name: "stat", args: 1, callbacks: [], signals: [] },
  { name: "stat", args: { length: 1e9 }, callbacks: [], signals: [] },
  { name: "stat", args: [], callbacks: "0", signals: [] },
  { name: "stat", args: [], callbacks: [], signals: 7 },
  { name: "stat" },
  { type: "SET", path: ["stat", "constructor", "prototype", "polluted"], value: true },
];

Deno.test("expose() refuses everything but calls of its own functions", () =>
  overChannel(async (end) => {
    for (const [id, request] of REQUESTS.entries()) {
      const answer = await asked(end, { id, ...request });
      assert.deepEqual(Object.keys(answer), ["id", "error"], JSON.stringify(request));
    }
    assert.equal("polluted" in (() => {}), false);
  }));

Deno.test("expose() ignores messages that are not requests", () =>
  overChannel((end) => {
    for (const message of [null, "text", 7, [], { id: "1", name: "stat" }, { value: 1 }]) {
      end.postMessage(message);
    }
    return Promise.resolve();
  }));

/** A pending call, and what a hijacked isolate may send for it. */
async function answeredBy(
  messages: (id: number) => readonly unknown[],
  given: readonly unknown[] = [],
): Promise<unknown> {
  const { port1, port2 } = new MessageChannel();
  const { port } = remote<{ ask(...args: readonly unknown[]): Promise<unknown> }>(port2);
  port1.addEventListener("message", ({ data }) => {
    for (const message of messages(data.id)) port1.postMessage(message);
  });
  port1.start();
  try {
    return await port.ask(...given);
  } finally {
    port1.close();
    port2.close();
  }
}

Deno.test("remote() ignores answers and callbacks that no call waits for", async () => {
  const seen: unknown[] = [];
  const value = await answeredBy((id) => [
    null,
    "text",
    { id: id + 1, value: "of another call" },
    { id: id + 1, callback: 0, value: "of another call" },
    { id, callback: 1, value: "the argument is no function" },
    { id, callback: "constructor", value: "no index" },
    { id, callback: 7, value: "no such argument" },
    { id, callback: 0, value: "wanted" },
    { id, value: "answer" },
    { id, value: "second answer" },
    { id, callback: 0, value: "too late" },
  ], [(value: unknown) => void seen.push(value), "text"]);
  assert.equal(value, "answer");
  assert.deepEqual(seen, ["wanted"]);
});

const unconvertible = { toString: 1, valueOf: 1 };

Deno.test("remote() survives messages that cannot be deserialized", async () => {
  const value = await answeredBy((id) => [
    { id: unconvertible },
    { id, callback: unconvertible, value: 1 },
    { id, callback: 0, value: null },
    new String("x".repeat(2 ** 25)),
    new Uint8Array(new SharedArrayBuffer(2 ** 24)),
    { id, value: "answer" },
  ], [({ bytes }: { bytes: number }) => void bytes]);
  assert.equal(value, "answer");
});

Deno.test("remote() cancels a stream in an answer that no call waits for", async () => {
  const { port1, port2 } = new MessageChannel();
  remote<object>(port2);
  const left = new MessageChannel();
  const cancelled = new Promise((resolve) => {
    left.port1.onmessage = ({ data }) => data.cancel === true && resolve(true);
  });
  port1.postMessage({ id: 7, value: { stream: { sentStream: left.port2 } } }, [left.port2]);
  assert.equal(await cancelled, true);
  for (const port of [port1, port2, left.port1]) port.close();
});

Deno.test("remote() throws a RemoteExecError whatever the peer sends as an error", async () => {
  for (
    const error of [null, "text", {}, { code: "internal", message: unconvertible }, {
      code: "nonsense",
      message: 1,
      suggestion: [],
    }]
  ) {
    await assert.rejects(answeredBy((id) => [{ id, error }]), {
      name: "RemoteExecError",
      code: "internal",
    });
  }
});

Deno.test("expose() calls nothing back once it has answered", async () => {
  const { port1, port2 } = new MessageChannel();
  let kept: ((value: unknown) => void) | undefined;
  expose(
    {
      keep(callback: (value: unknown) => void) {
        kept = callback;
        callback("in time");
        return Promise.resolve();
      },
    },
    logger,
    port1,
  );
  const sent: unknown[] = [];
  port2.addEventListener("message", ({ data }) => sent.push(data));
  const { port } = remote<{ keep(callback: (value: unknown) => void): Promise<void> }>(port2);
  const seen: unknown[] = [];
  await port.keep((value) => seen.push(value));
  kept?.("too late");
  await port.keep(() => {});
  assert.deepEqual(seen, ["in time"]);
  assert.equal(sent.filter((data) => JSON.stringify(data).includes("too late")).length, 0);
  port1.close();
  port2.close();
});

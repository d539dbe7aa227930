import assert from "node:assert/strict";
import {
  resumableBody,
  type ResumableBodyOptions,
} from "../../../src/transfers/worker/response_body.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { pure } from "../../support/pure.ts";

const MAX_PAUSE_MS = 4_000;

/** Returns a body of this text. With an error it fails after the text instead of ending. */
function bodyOf(text: string, error?: Error): ReadableStream<Uint8Array> {
  const chunks = text === "" ? [] : [new TextEncoder().encode(text)];
  return new ReadableStream({
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk !== undefined) controller.enqueue(chunk);
      else if (error !== undefined) controller.error(error);
      else controller.close();
    },
  }, { highWaterMark: 0 });
}

function open(options: Partial<ResumableBodyOptions> & Pick<ResumableBodyOptions, "first">) {
  const offsets: number[] = [];
  const clock = new FakeClock({ skipUpToMs: MAX_PAUSE_MS });
  const from = options.from ?? (() => Promise.resolve(bodyOf("")));
  const stream = resumableBody({
    size: 6,
    isFinal: () => false,
    lost: (offset, cause) => new Error(`lost at ${offset}: ${cause}`),
    damaged: (offset) => new Error(`damaged at ${offset}`),
    signal: new AbortController().signal,
    clock,
    ...options,
    from(offset) {
      offsets.push(offset);
      return from(offset);
    },
  });
  return { stream, offsets, clock };
}

const textOf = (stream: ReadableStream<Uint8Array>) => new Response(stream).text();

pure("resumableBody() returns the body of one connection", async () => {
  const { stream, offsets } = open({ first: bodyOf("abcdef") });
  assert.equal(await textOf(stream), "abcdef");
  assert.deepEqual(offsets, []);
});

pure("resumableBody() resumes where a connection broke or ended early", async () => {
  const bodies = [bodyOf("cd"), bodyOf("ef")];
  const { stream, offsets } = open({
    first: bodyOf("ab", new TypeError("reset")),
    from: () => Promise.resolve(bodies.shift() ?? bodyOf("")),
  });
  assert.equal(await textOf(stream), "abcdef");
  assert.deepEqual(offsets, [2, 4]);
});

pure("resumableBody() replaces a connection that stalls", async () => {
  const { stream, clock } = open({
    first: new ReadableStream(),
    from: () => Promise.resolve(bodyOf("abcdef")),
  });
  const text = textOf(stream);
  while (clock.waiting === 0) await Promise.resolve();
  clock.advance(30_000);
  assert.equal(await text, "abcdef");
});

pure("resumableBody() fails after six cuts without progress", async () => {
  const { stream, offsets } = open({ first: bodyOf("ab") });
  await assert.rejects(textOf(stream), /lost at 2: the connection ended early/);
  assert.equal(offsets.length, 6);
});

pure("resumableBody() fails at once when the error is final", async () => {
  const { stream, offsets } = open({
    first: bodyOf("ab"),
    from: () => Promise.reject(new Error("gone")),
    isFinal: () => true,
  });
  await assert.rejects(textOf(stream), /gone/);
  assert.equal(offsets.length, 1);
});

pure("resumableBody() refuses content that is too long or has another MD5", async () => {
  await assert.rejects(textOf(open({ first: bodyOf("abcdefg") }).stream), /damaged at 7/);
  const two = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode("abcdef"));
      controller.enqueue(new TextEncoder().encode("g"));
    },
  });
  await assert.rejects(textOf(open({ first: two }).stream), /damaged at 7/);
  const wrong = open({ first: bodyOf("abcdef"), md5: "00" });
  await assert.rejects(textOf(wrong.stream), /damaged at 6/);
});

pure("resumableBody() ends with the signal's reason", async () => {
  const controller = new AbortController();
  const { stream } = open({ first: new ReadableStream(), signal: controller.signal });
  const text = textOf(stream);
  controller.abort(new Error("stopped"));
  await assert.rejects(text, /stopped/);
});

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { RemoteExecError } from "../../../../src/errors.ts";
import { copy, type CopyLimits } from "../../../../src/ssh/worker/files/copy.ts";
import type { Finished, Sink, Source } from "../../../../src/ssh/worker/files/source_sink.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const hashOf = (text: string) => createHash("sha256").update(text).digest("hex");

interface FakeSource extends Source {
  closed: number;
}

function source(chunks: readonly string[], more: Partial<Source> = {}): FakeSource {
  const size = chunks.reduce((sum, chunk) => sum + bytes(chunk).length, 0);
  return {
    size,
    path: "the source",
    async *chunks() {
      for (const chunk of chunks) yield await Promise.resolve(bytes(chunk));
    },
    close() {
      this.closed++;
      return Promise.resolve();
    },
    closed: 0,
    ...more,
  };
}

interface FakeSink extends Sink {
  stored: string;
  committed: Finished | undefined;
  discarded: number;
}

function sink(more: Partial<Sink> = {}): FakeSink {
  return {
    path: "the sink",
    stored: "",
    committed: undefined,
    discarded: 0,
    write(chunk) {
      this.stored += new TextDecoder().decode(chunk);
      return Promise.resolve();
    },
    commit(finished) {
      this.committed = finished;
      return Promise.resolve("size");
    },
    discard() {
      this.discarded++;
      return Promise.resolve();
    },
    ...more,
  };
}

const limits = (more: Partial<CopyLimits> = {}): CopyLimits => ({
  maxBytes: 1_000,
  stallMs: 5_000,
  signal: new AbortController().signal,
  progress: undefined,
  sha256: undefined,
  ...more,
});

const from = (target: FakeSink) => () => Promise.resolve(target);

Deno.test("copy() copies everything and commits it with size and hash", async () => {
  const [start, end] = [source(["ab", "", "cd"]), sink()];
  const moved = await copy(start, from(end), limits());
  assert.deepEqual(moved, { bytes: 4, sha256: hashOf("abcd"), verified: "size" });
  assert.deepEqual(end.committed, { size: 4, sha256: hashOf("abcd") });
  assert.deepEqual([end.stored, end.discarded, start.closed], ["abcd", 0, 1]);
});

Deno.test("copy() reports what either side could verify", async () => {
  const proof = async (start: FakeSource, end: FakeSink, more: Partial<CopyLimits> = {}) =>
    (await copy(start, from(end), limits(more))).verified;
  const remoteSha256 = () => Promise.resolve(hashOf("x"));
  const noHash = () => Promise.resolve(undefined);
  assert.equal(await proof(source(["x"], { remoteSha256 }), sink()), "sha256");
  assert.equal(await proof(source(["x"], { remoteSha256: noHash }), sink()), "size");
  const commit = () => Promise.resolve("sha256" as const);
  assert.equal(await proof(source(["x"]), sink({ commit })), "sha256");
  assert.equal(await proof(source(["x"]), sink(), { sha256: hashOf("x") }), "sha256");
});

Deno.test("copy() discards a file that differs from its source", async () => {
  const wrong = hashOf("another content");
  const starts = [
    [source(["x"], { remoteSha256: () => Promise.resolve(wrong) }), limits()],
    [source(["x"]), limits({ sha256: wrong })],
  ] as const;
  for (const [start, bounds] of starts) {
    const end = sink();
    await assert.rejects(copy(start, from(end), bounds), { code: "verification_failed" });
    assert.deepEqual([end.committed, end.discarded, start.closed], [undefined, 1, 1]);
  }
});

Deno.test("copy() stops a source that grows beyond the limit", async () => {
  const endless = source([], {
    size: 1,
    async *chunks() {
      for (;;) yield await Promise.resolve(bytes("x".repeat(100)));
    },
  });
  const end = sink();
  await assert.rejects(copy(endless, from(end), limits()), { code: "too_large" });
  assert.deepEqual([end.committed, end.discarded, endless.closed], [undefined, 1, 1]);
  assert.ok(end.stored.length <= 1_000);
});

Deno.test("copy() accepts a source whose reported size stays wrong, and does not hash it", async () => {
  const given = source(["ab"], {
    size: 4_096,
    sizeNow: () => Promise.resolve(4_096),
    remoteSha256: () => Promise.resolve("0".repeat(64)),
  });
  const moved = await copy(given, from(sink()), limits({ maxBytes: 10_000 }));
  assert.deepEqual(moved, { bytes: 2, sha256: hashOf("ab"), verified: "size" });
});

Deno.test("copy() refuses a source that shrank", async () => {
  const end = sink();
  await assert.rejects(copy(source(["ab"], { size: 3 }), from(end), limits()), { code: "changed" });
  assert.equal(end.discarded, 1);
});

Deno.test("copy() reads a source of unknown size to its end", async () => {
  const { bytes: moved } = await copy(source(["ab"], { size: undefined }), from(sink()), limits());
  assert.equal(moved, 2);
});

Deno.test("copy() closes the source when the sink cannot be opened", async () => {
  const start = source(["x"]);
  const error = new RemoteExecError("already_exists", "it is there", "Take another name");
  await assert.rejects(copy(start, () => Promise.reject(error), limits()), error);
  assert.equal(start.closed, 1);
});

Deno.test("copy() discards the file when reading, writing or renaming fails", async () => {
  const error = new RemoteExecError("io_error", "the disk is broken", "Mend it");
  const fail = () => Promise.reject(error);
  const broken = source([], {
    async *chunks() {
      yield await Promise.resolve(bytes("x"));
      throw error;
    },
    size: 2,
  });
  const cases = [[broken, sink()], [source(["x"]), sink({ write: fail })], [
    source(["x"]),
    sink({ commit: fail }),
  ]] as const;
  for (const [start, end] of cases) {
    await assert.rejects(copy(start, from(end), limits()), error);
    assert.deepEqual([end.discarded, start.closed], [1, 1]);
  }
});

Deno.test("copy() ends on cancellation, whatever it waits for", async () => {
  const never = new Promise<never>(() => {});
  const stuck = source(["x"], {
    chunks: () => ({
      [Symbol.asyncIterator]: () => ({ next: () => never, return: () => never }),
    }),
  });
  const cases = [
    [stuck, sink()],
    [source(["x"]), sink({ write: () => never })],
    [source(["x"]), sink({ commit: () => never })],
    [source(["x"], { remoteSha256: () => never }), sink()],
  ] as const;
  for (const [start, end] of cases) {
    const controller = new AbortController();
    const call = assert.rejects(copy(start, from(end), limits({ signal: controller.signal })), {
      code: "cancelled",
    });
    controller.abort();
    await call;
    assert.equal(start.closed, 1);
  }
});

Deno.test("copy() aborts a stalled transfer", async () => {
  const end = sink({ write: () => new Promise(() => {}) });
  await assert.rejects(copy(source(["x"]), from(end), limits({ stallMs: 60 })), {
    code: "timeout",
    message: "The transfer stalled for 0.06 seconds and was aborted",
  });
  assert.equal(end.discarded, 1);
});

Deno.test("copy() waits longer for the end of a complete file, which may come with the host's hash", async () => {
  const content = new Uint8Array(20_000_000);
  const start = source([], {
    size: content.length,
    async *chunks() {
      yield content;
      // As long as another transfer with this limit takes to stall.
      const stalled = copy(
        source(["x"]),
        from(sink({ write: () => new Promise(() => {}) })),
        given,
      );
      await assert.rejects(stalled, { code: "timeout" });
    },
  });
  const given = limits({ stallMs: 60, maxBytes: content.length });
  const { bytes: count } = await copy(start, from(sink({ write: () => Promise.resolve() })), given);
  assert.equal(count, content.length);
});

Deno.test("copy() reports all bytes at the end, and the size when it is known", async () => {
  const steps: unknown[] = [];
  await copy(source(["ab", "cd"]), from(sink()), limits({ progress: (step) => steps.push(step) }));
  assert.deepEqual(steps.at(-1), { bytes: 4, total: 4 });
  await copy(
    source(["ab"], { size: undefined }),
    from(sink()),
    limits({ progress: (step) => steps.push(step) }),
  );
  assert.deepEqual(steps.at(-1), { bytes: 2 });
});

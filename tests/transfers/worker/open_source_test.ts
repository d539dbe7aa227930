/** What a container that lies, or stalls, may try with a file that is read for a bridge. */
import assert from "node:assert/strict";
import type { Clock } from "../../../src/async/clock.ts";
import type { FilesPort, OpenedFile } from "../../../src/ssh/files_port.ts";
import type { Endpoint } from "../../../src/ssh/port.ts";
import { openSource } from "../../../src/transfers/worker/open_source.ts";
import { isFailure, readAll } from "../../contracts/bridge.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryFiles } from "../memory_files.ts";

const FROM: Endpoint = { kind: "shell", prefix: "pct exec 101 --", path: "/f", label: "101" };
const NEVER = new AbortController().signal;

const HOUR_MS = 3_600_000;
const STALL_MS = 60_000;
const CONTENT = new Uint8Array(1_000_000);

function opened(size: number, stream = new ReadableStream<Uint8Array>()): OpenedFile {
  return { facts: { kind: "file", size, mtimeMs: 0, mode: 0o644, path: "/f" }, stream };
}

function filesWith(some: Partial<FilesPort>): FilesPort {
  return Object.assign(new MemoryFiles(), some);
}

const open = (files: FilesPort, clock: Clock, signal = NEVER) =>
  openSource(files, { from: FROM, label: "/f in 101", maxBytes: 1_000 }, clock, signal);

for (const size of [Number.NaN, Infinity, -1, 1.5, 2 ** 60]) {
  Deno.test(`openSource() refuses the size ${size}, and closes the file`, async () => {
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>({
      cancel() {
        cancelled = true;
      },
    });
    const files = filesWith({ read: () => Promise.resolve(opened(size, stream)) });
    await assert.rejects(open(files, new FakeClock()), isFailure("io_error"));
    assert.equal(cancelled, true);
  });
}

Deno.test("openSource() aborts when the endpoint does not answer, and closes a file that opens late", async () => {
  const { promise, resolve } = Promise.withResolvers<OpenedFile>();
  const closed = Promise.withResolvers<void>();
  const clock = new FakeClock();
  const opening = open(filesWith({ read: () => promise }), clock);
  clock.advance(HOUR_MS);
  await assert.rejects(opening, isFailure("timeout"));
  resolve(opened(3, new ReadableStream({ cancel: () => closed.resolve() })));
  await closed.promise;
  assert.equal(clock.waiting, 0);
});

Deno.test("openSource() closes a file that opens after the call was cancelled", async () => {
  const { promise, resolve } = Promise.withResolvers<OpenedFile>();
  const closed = Promise.withResolvers<void>();
  const controller = new AbortController();
  const opening = open(filesWith({ read: () => promise }), new FakeClock(), controller.signal);
  controller.abort(new Error("stopped"));
  await assert.rejects(opening, /stopped/);
  resolve(opened(3, new ReadableStream({ cancel: () => closed.resolve() })));
  await closed.promise;
});

Deno.test("the stream of openSource() waits longer for its end, which may come with the host's hash", async () => {
  for (const size of [CONTENT.length, CONTENT.length + 1]) {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(CONTENT);
        ended.then(() => controller.close(), () => {});
      },
    });
    const clock = new FakeClock();
    const source = await open(
      filesWith({ read: () => Promise.resolve(opened(size, stream)) }),
      clock,
    );
    const reader = source.stream.getReader();
    await reader.read();
    const next = reader.read();
    for (let turn = 0; turn < 100 && clock.waiting === 0; turn++) await Promise.resolve();
    clock.advance(STALL_MS);
    if (size !== CONTENT.length) await assert.rejects(next, isFailure("timeout"));
    else end();
    if (size === CONTENT.length) assert.equal((await next).done, true);
  }
});

Deno.test("the stream of openSource() fails when no byte arrives, and releases the file", async () => {
  const closed = Promise.withResolvers<void>();
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(1)),
    cancel: () => closed.resolve(),
  });
  const clock = new FakeClock();
  const source = await open(filesWith({ read: () => Promise.resolve(opened(3, stream)) }), clock);
  const reader = source.stream.getReader();
  assert.equal((await reader.read()).value?.length, 1);
  assert.equal(clock.waiting, 0);
  const next = reader.read();
  for (let turn = 0; turn < 100 && clock.waiting === 0; turn++) await Promise.resolve();
  clock.advance(HOUR_MS);
  await assert.rejects(next, isFailure("timeout"));
  await closed.promise;
});

Deno.test("sha256() of openSource() fails when no hash arrives", async () => {
  const { promise } = Promise.withResolvers<string>();
  const clock = new FakeClock();
  const source = await open(
    filesWith({ read: () => Promise.resolve(opened(3)), hostSha256: () => promise }),
    clock,
  );
  const hash = source.sha256();
  clock.advance(HOUR_MS);
  await assert.rejects(hash, isFailure("timeout"));
  await source.stream.cancel();
});

Deno.test("openSource() returns the bytes unchanged", async () => {
  const files = new MemoryFiles();
  files.add("101:/f", "abc");
  const { size, stream, sha256 } = await open(files, new FakeClock());
  // Reading a container's file twice would send it twice.
  assert.equal(size, 3);
  assert.equal(new TextDecoder().decode(await readAll(stream)), "abc");
  assert.equal(await sha256(), undefined);
});

import assert from "node:assert/strict";
import { remoteSource } from "../../src/downloads/worker/sources/remote_source.ts";
import type { FilesPort } from "../../src/ssh/files_port.ts";
import type { Endpoint, FileFacts } from "../../src/ssh/port.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { pure } from "../support/pure.ts";

const SIZE = 2_000_000;

/** Another side that sends one piece of what is read, and then nothing any more. */
class Silent {
  cancelled = 0;
  readonly files: FilesPort;

  constructor(kind: "file" | "directory", first: Uint8Array) {
    const facts: FileFacts = { kind, size: SIZE, mtimeMs: 0, mode: 0o644, path: "/a" };
    const stream = () =>
      new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(first),
        cancel: () => void this.cancelled++,
      });
    const read = () =>
      Promise.resolve({ facts: { ...facts, kind: "file" } as const, stream: stream() });
    const refused = () => Promise.reject(new Error("not called here"));
    const entry = { path: "b", kind: "file", size: SIZE, mtimeMs: 0, mode: 0o644 } as const;
    this.files = {
      stat: () => Promise.resolve(facts),
      tree: () => Promise.resolve([entry]),
      read,
      readTree: () => Promise.resolve(stream()),
      sha256: () => Promise.resolve("00"),
      hostSha256: refused,
      write: refused,
    };
  }
}

const host: Endpoint = { kind: "host", path: "/a" };
const container: Endpoint = { kind: "shell", prefix: "pct exec 1 --", path: "/a", label: "c" };

for (
  const [name, from, kind, first, pieces] of [
    ["whole file", host, "file", 1000, 1],
    ["directory of the host", host, "directory", 1000, 0],
    ["directory of a container", container, "directory", 100, 0],
  ] as const
) {
  pure(`closing a ${name} does not wait for a read that stalls`, async () => {
    const silent = new Silent(kind, new Uint8Array(first).fill(1));
    const signal = new AbortController().signal;
    const untold = { clock: new FakeClock(), progress: undefined };
    const request = { files: silent.files, from, maxBytes: 10_000_000, signal, ...untold };
    const content = await (await remoteSource(request)).open({ start: 0, end: SIZE });
    for (let n = 0; n < pieces; n++) await content.chunks.next();
    const stalled = content.chunks.next().then(() => "more", () => "ended");
    // Lets the reading begin; there is no end to wait for.
    await new Promise((resolve) => setTimeout(resolve, 0));
    await content.close();
    assert.equal(await stalled, "ended");
    assert.equal(silent.cancelled, 1);
  });
}

/** A port to one file whose reported size is wrong. */
function odd(size: number, content: ReadableStream<Uint8Array>): FilesPort {
  const facts: FileFacts = { kind: "file", size, mtimeMs: 0, mode: 0o444, path: "/sys/a" };
  const refused = () => Promise.reject(new Error("not called here"));
  return {
    stat: () => Promise.resolve(facts),
    tree: refused,
    read: () => Promise.resolve({ facts, stream: content }),
    readTree: refused,
    sha256: refused,
    hostSha256: refused,
    write: refused,
  };
}

const requestOf = (files: FilesPort, clock: FakeClock) => ({
  files,
  from: { kind: "host", path: "/sys/a" } as const,
  maxBytes: 10_000_000,
  signal: new AbortController().signal,
  clock,
  progress: undefined,
});

pure("a link to a file that never ends is refused after the time limit of a copy", async () => {
  let isCancelled = false;
  const silent = new ReadableStream<Uint8Array>({ cancel: () => void (isCancelled = true) });
  const clock = new FakeClock();
  const making = remoteSource(requestOf(odd(0, silent), clock));
  const outcome = assert.rejects(making, {
    code: "timeout",
    message: "Cannot link /sys/a: reading it stalled for 30 seconds",
  });
  for (let n = 0; n < 12; n++) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    clock.advance(3_000);
  }
  await outcome;
  assert.equal(isCancelled, true);
});

for (const size of [0, 4096, 1]) {
  pure(`a link to 6 bytes that are reported as ${size} has the 6 bytes`, async () => {
    const bytes = new TextEncoder().encode("65536\n");
    const source = await remoteSource(
      requestOf(odd(size, ReadableStream.from([bytes])), new FakeClock()),
    );
    assert.equal(source.size, 6);
    const content = await source.open({ start: 1, end: 6 });
    const { value } = await content.chunks.next();
    assert.equal(new TextDecoder().decode(value), "5536\n");
    await content.close();
  });
}

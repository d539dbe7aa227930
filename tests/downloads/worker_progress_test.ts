import assert from "node:assert/strict";
import { CHUNK_BYTES } from "../../src/bytes/byte_reader.ts";
import type { LinkProgress } from "../../src/downloads/port.ts";
import { FakeFiles } from "./fake_files.ts";
import { TestHub } from "./fixture.ts";
import { until } from "../support/until.ts";

Deno.test("a link to a local file reports how much of it has been read", async () => {
  await using test = new TestHub();
  test.write("big", new Uint8Array(20_000_000));
  const steps: LinkProgress[] = [];
  await test.create(
    { from: { kind: "local", path: "big" }, expiryMs: 60_000 },
    (step) => steps.push(step),
  );
  const step = { total: 20_000_000, unit: "bytes" };
  // Every 8 MiB, after the chunk that completes them.
  const done = 33 * CHUNK_BYTES;
  assert.deepEqual(steps, [{ done, ...step }, { done: 2 * done, ...step }]);
});

Deno.test("a link to a local directory reports how many entries it has seen", async () => {
  await using test = new TestHub();
  for (let n = 0; n < 2100; n++) test.write(`tree/${n}`, "");
  const steps: LinkProgress[] = [];
  await test.create(
    { from: { kind: "local", path: "tree" }, expiryMs: 60_000 },
    (step) => steps.push(step),
  );
  assert.deepEqual(steps, [{ done: 1008, unit: "entries" }, { done: 2016, unit: "entries" }]);
});

for (const [path, call] of [["/a", "sha256 /a"], ["/tree", "tree /tree"]] as const) {
  Deno.test(`a link to ${path} of the host reports for how long it has been inspected`, async () => {
    using files = new FakeFiles();
    await using test = new TestHub({ files: files.port });
    files.file("/a", "hello");
    files.entries.set("/tree", "directory");
    const gate = Promise.withResolvers<void>();
    files.gate = gate.promise;
    const steps: LinkProgress[] = [];
    const making = test.create(
      { from: { kind: "host", path }, expiryMs: 60_000 },
      (step) => steps.push(step),
    );
    await until(call, () => files.calls.includes(call));
    for (let n = 0; n < 3; n++) test.clock.advance(1000);
    gate.resolve();
    await making;
    test.clock.advance(1000);
    assert.deepEqual(steps, [0, 1, 2, 3].map((done) => ({ done, unit: "seconds" })));
  });
}

import assert from "node:assert/strict";
import { RemoteExecError } from "../../../../src/errors.ts";
import type { JobRead } from "../../../../src/ssh/jobs/port.ts";
import { type KeptFacts, KeptOutputs } from "../../../../src/ssh/worker/kept/kept_outputs.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { pure } from "../../../support/pure.ts";

const LIMITS = { maxOutputBytes: 10, maxTotalBytes: 25, keepMs: 60_000 };

const facts = (stdoutBytes: number, stderrBytes = 0): KeptFacts => ({
  command: "make",
  state: "exited",
  startedAtMs: 1,
  runtimeMs: 2,
  exitCode: 0,
  signal: null,
  stdoutBytes,
  stderrBytes,
});

/** Keeps one output and returns its id. */
function keep(outputs: KeptOutputs, stdout: string, stderr = ""): string | undefined {
  const spool = outputs.open();
  spool.push("stdout", new TextEncoder().encode(stdout));
  spool.push("stderr", new TextEncoder().encode(stderr));
  return spool.keep(facts(stdout.length, stderr.length));
}

const read = (outputs: KeptOutputs, id: string | undefined, more: Partial<JobRead> = {}) => {
  const page = outputs.read({
    id: id ?? assert.fail("nothing was kept"),
    stream: "stdout",
    from: 0,
    maxBytes: 100,
    waitMs: 0,
    ...more,
  });
  return { ...page, text: new TextDecoder().decode(page.bytes) };
};

const code = (wanted: string) => (error: unknown) =>
  error instanceof RemoteExecError && error.code === wanted;

pure("KeptOutputs returns both streams from any offset, with the facts", () => {
  const outputs = new KeptOutputs(new FakeClock(), LIMITS);
  const id = keep(outputs, "abcdef", "xyz");
  assert.match(id ?? "", /^out-[0-9a-f]{12}$/);
  const page = read(outputs, id, { from: 2, maxBytes: 3 });
  assert.deepEqual([page.text, page.next], ["cde", 5]);
  assert.equal(read(outputs, id, { stream: "stderr" }).text, "xyz");
  assert.deepEqual([page.facts.id, page.facts.state, page.facts.droppedBytes], [id, "exited", 0]);
  assert.equal(read(outputs, id, { from: 6 }).text, "");
});

pure("KeptOutputs says what it did not keep of a long output", () => {
  const outputs = new KeptOutputs(new FakeClock(), LIMITS);
  const id = keep(outputs, "0123456789abc", "e");
  const page = read(outputs, id, { from: 8 });
  assert.deepEqual([page.text, page.next, page.facts.droppedBytes], ["89", 10, 4]);
  assert.throws(() => read(outputs, id, { from: 10 }), /only the first 10 of 13 bytes/);
  assert.throws(() => read(outputs, id, { tailLines: 1 }), code("limit_reached"));
  assert.throws(() => read(outputs, id, { stream: "stderr" }), /only the first 0 of 1 bytes/);
});

pure("KeptOutputs forgets the oldest output when the space is used up", () => {
  const outputs = new KeptOutputs(new FakeClock(), LIMITS);
  const ids = ["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"].map((text) => keep(outputs, text));
  assert.throws(() => read(outputs, ids[0]), code("not_found"));
  assert.equal(read(outputs, ids[1]).text, "bbbbbbbbbb");
  assert.equal(read(outputs, ids[2]).text, "cccccccccc");
});

pure("KeptOutputs keeps nothing of a command whose space was taken by later ones", () => {
  const outputs = new KeptOutputs(new FakeClock(), LIMITS);
  const oldest = outputs.open();
  oldest.push("stdout", new Uint8Array(10));
  keep(outputs, "bbbbbbbbbb");
  keep(outputs, "cccccccccc");
  oldest.push("stdout", new Uint8Array(10));
  assert.equal(oldest.keep(facts(20)), undefined);
  assert.equal(oldest.length, 10);
});

pure("KeptOutputs forgets an output after its time and frees the space of a discarded one", () => {
  const clock = new FakeClock();
  const outputs = new KeptOutputs(clock, LIMITS);
  for (let count = 0; count < 10; count++) {
    const spool = outputs.open();
    spool.push("stdout", new Uint8Array(10));
    spool.discard();
  }
  const kept = outputs.open();
  kept.push("stdout", new TextEncoder().encode("text"));
  const id = kept.keep(facts(4));
  kept.discard();
  clock.advance(59_999);
  assert.equal(read(outputs, id).text, "text");
  clock.advance(1);
  assert.throws(() => read(outputs, id), code("not_found"));
  assert.equal(clock.waiting, 0);
});

pure("KeptOutputs keeps stderr without what comes before a mark", () => {
  const outputs = new KeptOutputs(new FakeClock(), LIMITS);
  const spool = outputs.open();
  for (const part of ["no", "ise<", "m>", "text"]) {
    spool.push("stderr", new TextEncoder().encode(part));
  }
  assert.equal(spool.dropTo("<m>"), 8);
  assert.equal(spool.dropTo("<m>"), 0);
  const id = spool.keep(facts(0, spool.length));
  assert.equal(read(outputs, id, { stream: "stderr" }).text, "te");
});

import assert from "node:assert/strict";
import fc from "../support/property.ts";
import { OutputCollector, shareLimit } from "../../src/ssh/output.ts";
import { pure } from "../support/pure.ts";
import { anyCharacter } from "../support/code_points.ts";

const decode = (bytes: Uint8Array) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
const encode = (text: string) => new TextEncoder().encode(text);
const codePoints = (text: string) => [...text];

/** Returns a collector that received `bytes` in chunks split at these positions. */
function collect(bytes: Uint8Array, limit: number, cuts: readonly number[] = []): OutputCollector {
  const collector = new OutputCollector(limit);
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b)];
  let start = 0;
  for (const end of [...places, bytes.length]) {
    collector.push(bytes.slice(start, end));
    start = end;
  }
  collector.end();
  return collector;
}

const cuts = fc.array(fc.nat(10_000), { maxLength: 12 });
/** Mostly text with UTF-8 characters of all lengths, and some invalid bytes. */
const anyBytes = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 200 }).map(encode),
  fc.uint8Array({ maxLength: 200 }),
  fc.array(
    fc.constantFrom(0x41, 0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xa0, 0xef, 0xf0, 0x90, 0xf4, 0xff),
    {
      maxLength: 200,
    },
  ).map((bytes) => Uint8Array.from(bytes)),
);

pure("OutputCollector decodes characters that are split between chunks", () => {
  fc.assert(
    fc.property(anyBytes, cuts, (bytes, cuts) => {
      const { text, truncated, originalLength } = collect(bytes, 1_000, cuts).cut(1_000);
      assert.equal(text, decode(bytes));
      assert.equal(truncated, false);
      assert.equal(originalLength, codePoints(decode(bytes)).length);
    }),
    { numRuns: 2_000 },
  );
});

pure("OutputCollector cuts at code points and keeps head and tail", () => {
  const share = fc.integer({ min: 0, max: 60 });
  fc.assert(
    fc.property(anyBytes, cuts, share, fc.nat(40), (bytes, cuts, share, more) => {
      const all = codePoints(decode(bytes));
      const { text, truncated, originalLength } = collect(bytes, share + more, cuts).cut(share);
      assert.equal(originalLength, all.length);
      assert.equal(truncated, all.length > share);
      if (!truncated) return assert.equal(text, all.join(""));
      const headShare = Math.ceil(share / 2);
      const head = all.slice(0, headShare).join("");
      const tail = all.slice(all.length - (share - headShare)).join("");
      assert.ok(text.startsWith(head) && text.endsWith(tail), text);
      const notice = text.slice(head.length, text.length - tail.length);
      assert.match(notice, /^\n\n\[OUTPUT TRUNCATED - .*\]\n\n$/);
      assert.ok(notice.includes(`${all.length - share} `), "it says how much is missing");
      assert.ok(codePoints(notice).length <= 250);
    }),
    { numRuns: 2_000 },
  );
});

pure("OutputCollector keeps a byte order mark, which is content here", () => {
  assert.equal(collect(encode("\ufeffx"), 10).cut(10).text, "\ufeffx");
});

pure("OutputCollector counts the bytes and characters of the complete stream", () => {
  const collector = new OutputCollector(10);
  for (let turn = 0; turn < 1_000; turn++) collector.push(encode("aä€😀"));
  collector.end();
  assert.deepEqual([collector.bytes, collector.length], [10_000, 4_000]);
});

pure("OutputCollector.lastLines() returns the end of the output so far", () => {
  const collector = new OutputCollector(100);
  collector.push(encode("one\ntwo\nthree\nfour\n"));
  assert.equal(collector.lastLines(2, 500), "three\nfour");
  assert.equal(collector.lastLines(2, 6), "e\nfour");
  for (let line = 0; line < 1_000; line++) collector.push(encode(`line ${line}\n`));
  assert.equal(collector.lastLines(1, 500), "line 999");
  assert.equal(new OutputCollector(100).lastLines(3, 500), "");
});

pure("OutputCollector keeps its memory bounded", () => {
  const collector = new OutputCollector(25_000);
  const chunk = new Uint8Array(64 * 1024).fill(0x61);
  const used = () => {
    const { heapUsed, external } = Deno.memoryUsage();
    return heapUsed + external;
  };
  collector.push(chunk);
  const before = used();
  for (let turn = 0; turn < 4_000; turn++) collector.push(chunk);
  // What the garbage collector has not freed yet counts as well.
  assert.ok(used() - before < 80_000_000, "250 MB of output took more than 80 MB");
  assert.equal(collector.bytes, 4_001 * chunk.length);
});

const lengths = fc.oneof(fc.nat(300), fc.nat(100_000));

pure("shareLimit() uses exactly the limit when the output is longer", () => {
  fc.assert(fc.property(lengths, lengths, fc.integer({ min: 1, max: 300 }), (out, err, limit) => {
    const [outShare, errShare] = shareLimit(out, err, limit);
    assert.ok(outShare >= 0 && errShare >= 0 && outShare <= out && errShare <= err);
    assert.equal(outShare + errShare, Math.min(out + err, limit));
  }));
});

pure("shareLimit() never cuts a short stream, and leaves half to each long one", () => {
  fc.assert(fc.property(lengths, lengths, fc.integer({ min: 2, max: 300 }), (out, err, limit) => {
    const half = Math.floor(limit / 2);
    const [outShare, errShare] = shareLimit(out, err, limit);
    assert.ok(outShare >= Math.min(out, half));
    assert.ok(errShare >= Math.min(err, half));
  }));
});

Deno.test("OutputCollector counts a skipped part and the characters at its ends", () => {
  const text = "ü€😀".repeat(20);
  const bytes = new TextEncoder().encode(text);
  for (let from = 40; from < 50; from++) {
    for (let to = bytes.length - 60; to < bytes.length - 50; to++) {
      const collector = new OutputCollector(4);
      collector.push(bytes.subarray(0, from));
      const middle = bytes.subarray(from, to).filter((byte) => (byte & 0xc0) !== 0x80);
      collector.skip(to - from, middle.length);
      collector.push(bytes.subarray(to));
      collector.end();
      assert.deepEqual([collector.bytes, collector.length], [bytes.length, 60]);
      assert.match(collector.cut(4).text, /^ü€\n\n\[.*\]\n\n€😀$/);
    }
  }
});

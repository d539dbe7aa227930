import assert from "node:assert/strict";
import fc from "fast-check";
import { Coverage, parseRange } from "../../../../src/downloads/worker/http/spans.ts";
import { pure } from "../../../support/pure.ts";

pure("parseRange() reads the three forms of one part", () => {
  assert.deepEqual(parseRange("bytes=0-", 10), { start: 0, end: 10 });
  assert.deepEqual(parseRange("bytes=3-5", 10), { start: 3, end: 6 });
  assert.deepEqual(parseRange("bytes=3-99", 10), { start: 3, end: 10 });
  assert.deepEqual(parseRange("bytes=-4", 10), { start: 6, end: 10 });
  assert.deepEqual(parseRange("Bytes = -40", 10), { start: 0, end: 10 });
});

pure(
  "parseRange() asks for the whole when the header is missing, odd or names several parts",
  () => {
    for (
      const header of [
        undefined,
        "",
        "bytes=-",
        "bytes=5-3",
        "bytes=0-1,3-4",
        "lines=0-1",
        "bytes=a-",
      ]
    ) {
      assert.equal(parseRange(header, 10), undefined, header);
    }
  },
);

pure("parseRange() says when the file has no such part", () => {
  for (const header of ["bytes=10-", "bytes=10-12", "bytes=-0"]) {
    assert.equal(parseRange(header, 10), "unsatisfiable", header);
  }
  assert.equal(parseRange("bytes=0-", 0), "unsatisfiable");
  assert.equal(parseRange("bytes=-1", 0), "unsatisfiable");
});

pure("Coverage is complete exactly when every byte was handed over", () => {
  const part = fc.tuple(fc.nat(20), fc.nat(20));
  fc.assert(fc.property(fc.nat(20), fc.array(part), (size, parts) => {
    const covered = new Coverage(size);
    const bytes = new Set<number>();
    for (const [a, b] of parts) {
      const [start, end] = [Math.min(a, b, size), Math.min(Math.max(a, b), size)];
      covered.add(start, end);
      for (let at = start; at < end; at++) bytes.add(at);
    }
    assert.equal(covered.isComplete, bytes.size === size);
  }));
});

import assert from "node:assert/strict";
import fc from "../../support/property.ts";
import { Coverage } from "../../../src/downloads/worker/coverage.ts";
import { pure } from "../../support/pure.ts";

pure("Coverage is complete exactly when every byte was received", () => {
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

/** A download manager: the complete file, which it leaves at 30, and the rest on other connections. */
function manager(): Coverage {
  const covered = new Coverage(100);
  covered.request(0, false);
  covered.request(30, true);
  covered.request(60, true);
  return covered;
}

pure(
  "Coverage is probable when a client left one of its parallel downloads and all bytes were sent",
  () => {
    const covered = manager();
    covered.interrupt(0, 40, true);
    covered.add(60, 100);
    assert.equal(covered.isProbable, false);
    covered.add(30, 60);
    assert.deepEqual([covered.isProbable, covered.isComplete, covered.missing], [true, false, 30]);
  },
);

pure(
  "Coverage is not probable when the server broke a download off, or not all bytes were sent",
  () => {
    const [broken, short] = [manager(), manager()];
    broken.interrupt(0, 40, false);
    short.interrupt(0, 29, true);
    for (const covered of [broken, short]) {
      covered.add(30, 60);
      covered.add(60, 100);
      assert.equal(covered.isProbable, false);
    }
  },
);

pure("Coverage is never probable for downloads one after the other", () => {
  const sent = fc.array(fc.tuple(fc.nat(99), fc.nat(100)), { minLength: 1 });
  fc.assert(fc.property(sent, (downloads) => {
    const covered = new Coverage(100);
    for (const [start, end] of downloads) {
      covered.request(start, false);
      covered.interrupt(start, end, true);
    }
    assert.equal(covered.isProbable, false);
  }));
});

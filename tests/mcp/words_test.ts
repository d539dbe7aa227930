import assert from "node:assert/strict";
import fc from "../support/property.ts";
import {
  exactSize,
  grouped,
  humanSize,
  inUnits,
  shortened,
  shortHost,
} from "../../src/mcp/words.ts";
import { pure } from "../support/pure.ts";

pure("exactSize() returns the largest unit without a fraction", () => {
  const sizes = [10_485_760, 25_000_000, 20_000_000_000, 2 ** 30, 1_234, 10_485_761, 0];
  assert.deepEqual(sizes.map(exactSize), [
    "10 MiB",
    "25 MB",
    "20 GB",
    "1 GiB",
    "1234 bytes",
    "10485761 bytes",
    "0 bytes",
  ]);
});

pure("humanSize() returns a size as people say it", () => {
  const sizes = [0, 999, 1000, 3_400_000, 34_000_000, 999_499, 999_500, 1e12, 5e15];
  assert.deepEqual(sizes.map(humanSize), [
    ...[
      "0 bytes",
      "999 bytes",
      "1.0 kB",
      "3.4 MB",
      "34 MB",
      "999 kB",
      "1.0 MB",
      "1.0 TB",
      "5000 TB",
    ],
  ]);
});

pure("inUnits() adds to an exact size only what it does not say already", () => {
  assert.deepEqual([999, 1000].map(inUnits), ["", " (1.0 kB)"]);
});

pure("grouped() writes numbers as Intl does", () => {
  assert.equal(grouped(25_000), "25,000");
  fc.assert(fc.property(fc.maxSafeNat(), (count) => {
    assert.equal(grouped(count), count.toLocaleString("en-US"));
  }));
});

pure("shortened() keeps both ends of a long text", () => {
  assert.equal(shortened("abcdefghij", 10), "abcdefghij");
  assert.equal(shortened("abcdefghijk", 10), "abcde…hijk");
  assert.equal(shortHost("web.example"), "web.example");
});

pure("shortened() never returns more than it may, nor half a character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 3, max: 20 }), (text, max) => {
      const made = shortened(text, max);
      assert.ok(made.length <= max);
      assert.ok(made.isWellFormed());
    }),
  );
});

import assert from "node:assert/strict";
import { partBytesFor } from "../../../../src/transfers/worker/r2/upload.ts";
import { pure } from "../../../support/pure.ts";

const MIB = 1024 * 1024;

pure("partBytesFor() fits 20 GB and 5 TiB into 10,000 parts", () => {
  for (const size of [1, 20e9, 200e9, 5 * 2 ** 40]) {
    const part = partBytesFor(size);
    assert.ok(Math.ceil(size / part) <= 10_000);
    assert.ok(part >= 5 * MIB && part <= 5 * 1024 * MIB && part % MIB === 0);
  }
  assert.equal(partBytesFor(20e9), 8 * MIB);
});

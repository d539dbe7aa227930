import assert from "node:assert/strict";
import fc from "fast-check";
import { Coverage, isSameSecret, newSecret } from "../../../src/downloads/worker/link.ts";
import { pure } from "../../support/pure.ts";

pure("newSecret() returns 256 new bits each time", () => {
  const secrets = new Set(Array.from({ length: 1000 }, newSecret));
  assert.equal(secrets.size, 1000);
  for (const secret of secrets) assert.match(secret, /^[A-Za-z0-9_-]{43}$/);
});

pure("isSameSecret() compares texts of any length", () => {
  assert.equal(isSameSecret("key", "key"), true);
  assert.equal(isSameSecret("key", "kez"), false);
  assert.equal(isSameSecret("", "key"), false);
  assert.equal(isSameSecret("key-and-more", "key"), false);
});

pure("Coverage is complete exactly when every byte was sent", () => {
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

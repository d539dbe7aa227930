import assert from "node:assert/strict";
import { isSameSecret, newSecret } from "../../../src/downloads/worker/link.ts";
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

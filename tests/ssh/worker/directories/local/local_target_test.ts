import assert from "node:assert/strict";
import { isOddOnWindows } from "../../../../../src/ssh/worker/directories/local/local_target.ts";
import { pure } from "../../../../support/pure.ts";

pure("isOddOnWindows() refuses names that lead elsewhere there, and only there", () => {
  for (const path of ["..\\..\\evil", "a/b\\c", "C:evil", "file:stream"]) {
    assert.equal(isOddOnWindows(path, "windows"), true, path);
    assert.equal(isOddOnWindows(path, "linux"), false, path);
  }
  assert.equal(isOddOnWindows("sub/page.html", "windows"), false);
});

import assert from "node:assert/strict";
import { findTestFiles } from "./test_files.ts";

Deno.test("findTestFiles() sorts every test file into exactly one group", () => {
  const { fast, parallel, process, timed } = findTestFiles(["tests"]);
  const all = [fast, parallel, process, timed].flat();
  assert.equal(new Set(all).size, all.length);
  assert.ok(fast.length > 50 && parallel.length > 50);
  assert.ok(process.length > 0 && timed.length > 0);
});

Deno.test("findTestFiles() calls a file fast only if nothing that it imports starts programs", () => {
  const { fast, parallel } = findTestFiles([
    "tests/shell/quote_test.ts",
    "tests/whole/exec_test.ts",
    "tests/cli",
  ]);
  assert.ok(fast.includes("tests/cli/help_test.ts"));
  assert.deepEqual(parallel, ["tests/shell/quote_test.ts", "tests/whole/exec_test.ts"]);
});

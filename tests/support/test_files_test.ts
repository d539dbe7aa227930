import assert from "node:assert/strict";
import { findTestFiles, joinTestFiles } from "./test_files.ts";
import { temporaryDirectory } from "./temporary_directory.ts";

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
    "tests/cli/help_test.ts",
  ]);
  assert.ok(fast.includes("tests/cli/help_test.ts"));
  assert.deepEqual(parallel, ["tests/shell/quote_test.ts", "tests/whole/exec_test.ts"]);
});

Deno.test("joinTestFiles() has every file run exactly once, those that need their own isolate first", () => {
  using directory = temporaryDirectory();
  const { fast } = findTestFiles(["tests"]);
  const modules = joinTestFiles(fast, directory.path);
  const isJoined = (path: string) => path.startsWith(directory.path);
  const alone = modules.filter((path) => !isJoined(path));
  assert.ok(alone.includes("tests/sandbox/launch_test.ts"));
  assert.deepEqual(modules.slice(0, alone.length), alone);
  const imported = modules.filter(isJoined).flatMap((path) =>
    [...Deno.readTextFileSync(path).matchAll(/^import "file:.*\/(tests\/.*)";$/gm)].map((
      [, file],
    ) => file)
  );
  assert.deepEqual([...alone, ...imported].sort(), fast);
});

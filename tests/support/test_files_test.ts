import assert from "node:assert/strict";
import { findTestFiles, joinByCount, joinTestFiles } from "./test_files.ts";
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

Deno.test("findTestFiles() finds the files that need programs, and leaves out folders", () => {
  const all = findTestFiles(["tests/peers", "tests/fakes"]);
  const { fast, ...some } = findTestFiles(
    ["tests/peers", "tests/fakes", "tests/cli/help_test.ts"],
    {
      needsPrograms: true,
      without: ["tests/fakes/proxmox"],
    },
  );
  assert.deepEqual(fast, []);
  assert.ok(all.parallel.includes("tests/fakes/proxmox/life_test.ts"));
  const found = [some.parallel, some.process, some.timed].flat();
  assert.ok(found.includes("tests/peers/openssh_exec_test.ts"));
  assert.ok(found.includes("tests/fakes/proxmox_test.ts"));
  assert.ok(!found.includes("tests/fakes/ssh_host_test.ts"));
  assert.ok(!found.some((path) => path.startsWith("tests/fakes/proxmox/")));
});

Deno.test("joinTestFiles() has every file run exactly once, those that need their own isolate first", () => {
  using directory = temporaryDirectory();
  const { fast } = findTestFiles(["tests"]);
  const modules = joinTestFiles(fast, directory.path);
  const isJoined = (path: string) => path.startsWith(directory.path);
  const alone = modules.filter((path) => !isJoined(path));
  assert.ok(alone.includes("tests/sandbox/launch_test.ts"));
  assert.deepEqual(modules.slice(0, alone.length), alone);
  const imported = modules.filter(isJoined).flatMap(importsOf);
  assert.deepEqual([...alone, ...imported].sort(), fast);
});

Deno.test("joinByCount() has every file run exactly once, in order", () => {
  using directory = temporaryDirectory();
  const { parallel } = findTestFiles(["tests"]);
  const modules = joinByCount(parallel, 4, directory.path);
  assert.equal(modules.length, Math.ceil(parallel.length / 4));
  assert.deepEqual(modules.flatMap(importsOf), parallel);
});

/** Returns the files that a joined module runs. */
const importsOf = (module: string): string[] =>
  [...Deno.readTextFileSync(module).matchAll(/^import "file:.*\/(tests\/.*)";$/gm)]
    .map(([, file = ""]) => file);

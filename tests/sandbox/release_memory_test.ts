import assert from "node:assert/strict";
import { releaseMemory } from "../../src/sandbox/release_memory.ts";
import { flagsOf } from "../support/project.ts";
import { pure } from "../support/pure.ts";

pure("releaseMemory() does nothing where V8 does not expose its collector", () => {
  releaseMemory();
});

Deno.test("the server runs with V8's collector exposed", () => {
  for (const task of ["start", "compile"]) {
    assert.ok(flagsOf(task).some((flag) => /^--v8-flags=.*,--expose-gc$/.test(flag)), task);
  }
});

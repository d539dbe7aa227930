import assert from "node:assert/strict";
import { programPaths } from "../../src/config/program.ts";
import { PROJECT } from "../support/project.ts";

Deno.test("programPaths() has the source tree, Deno and Deno's cache", () => {
  const paths = programPaths({ HOME: "/home/me", DENO_DIR: "/cache" });
  assert.equal(paths[0], PROJECT);
  assert.ok(paths.includes(Deno.execPath()));
  assert.ok(paths.includes("/cache"));
});

Deno.test("programPaths() finds Deno's cache as Deno does", () => {
  if (Deno.build.os !== "linux") return;
  assert.ok(programPaths({ HOME: "/home/me", XDG_CACHE_HOME: "/x" }).includes("/x/deno"));
  assert.ok(programPaths({ HOME: "/home/me" }).includes("/home/me/.cache/deno"));
});

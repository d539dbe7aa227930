// Validates a bill of materials with the validator of CycloneDX's authors. Run by tests/judges/sbom.ts.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";

// `deno check` does not find packages that only this folder's deno.json names.
const { Spec, Validation } = createRequire(import.meta.url)("@cyclonedx/cyclonedx-library");

const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
const errors = await validator.validate(readFileSync(process.argv[2], "utf8"));
if (errors !== null) process.stdout.write(JSON.stringify(errors));

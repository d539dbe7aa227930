import assert from "node:assert/strict";
import { projectFile } from "./program.ts";

/**
 * Compares a value with the JSON file `tests/<name>.json`, or writes the file when
 * UPDATE_SNAPSHOTS=1. A missing file is a failure.
 *
 * @param name below tests, for example `mcp/__snapshots__/core`
 */
export function assertSnapshot(name: string, value: unknown): void {
  const path = projectFile(`tests/${name}.json`);
  const text = `${JSON.stringify(value, null, 2)}\n`;
  if (Deno.env.get("UPDATE_SNAPSHOTS") === "1") Deno.writeTextFileSync(path, text);
  const stored: unknown = JSON.parse(Deno.readTextFileSync(path));
  assert.deepEqual(
    JSON.parse(text),
    stored,
    `${name} has changed; if that is meant, run the test with UPDATE_SNAPSHOTS=1`,
  );
}

import assert from "node:assert/strict";
import { printable } from "../../src/errors.ts";
import { formatBytes } from "../../src/proxmox/format.ts";

/**
 * Checks that the text of an answer has every fact of its data: some clients show a model only one of
 * the two. A yes or no is not looked for, because its words differ; a size may be rounded.
 */
export function assertSameFacts(name: string, text: string, data: unknown): void {
  const missing = [...factsOf(data, "")].filter(([, forms]) =>
    !forms.some((form) => text.includes(form))
  );
  assert.deepEqual(missing.map(([path, [form]]) => `${path}: ${form}`), [], `${name}: ${text}`);
}

/** Each fact by its path, in the forms that it may have in a text. */
function* factsOf(value: unknown, path: string): Generator<[path: string, forms: string[]]> {
  if (typeof value === "string") {
    // A table may cut a text to one line, and surround it with other columns.
    for (const line of value.split("\n")) {
      if (line.trim() !== "") yield [path, [line.trim(), printable(line.trim())]];
    }
  } else if (typeof value === "number") {
    yield [path, [String(value), formatBytes(value), formatBytes(Math.round(value))]];
  } else if (typeof value === "object" && value !== null) {
    for (const [key, each] of Object.entries(value)) yield* factsOf(each, `${path}.${key}`);
  }
}

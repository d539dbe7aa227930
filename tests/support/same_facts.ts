import assert from "node:assert/strict";
import { printable } from "../../src/errors.ts";
import { formatBytes } from "../../src/proxmox/format.ts";

/** The words of a text for a yes or no. A value without words is what a reader expects anyway. */
const WORDS: Readonly<
  Record<string, { readonly true?: string | string[]; readonly false?: string | string[] }>
> = {
  timeout_reached: { true: "TIMED OUT" },
  cancelled: { true: "CANCELLED" },
  process_ended: { false: ["MAY STILL RUN", "STILL RUNNING as job"] },
  running: { true: ["STILL RUNNING", "[RUNNING]", ": running", "It goes on"] },
  stdout_truncated: { true: "(cut from " },
  stderr_truncated: { true: "(cut from " },
  by_ha: { true: "Carried out by HA" },
  protected: { true: "protected" },
  expired: { true: "expired", false: "expires" },
  deleted: { true: "Deleted", false: "Nothing to delete" },
  write_once: { true: "works once", false: "replaces the first" },
  bridge_copy_deleted: { true: "deleted", false: "could not be deleted" },
  cache_purged: { true: "purged from" },
  proxmox: { true: "Proxmox VE" },
  default: { true: "default" },
  claimed: { true: "download started" },
  created: { true: "created", false: "replaced" },
  includes_ram: { true: ["with its RAM", "(with RAM)"] },
  quorate: { true: "has quorum", false: "no quorum" },
  changed: { true: "File changed", false: "File not changed" },
};

/** Fields that are a yes or no, and whose words {@linkcode assertSameFacts} looks for. */
export const FLAGS: readonly string[] = Object.keys(WORDS);

/**
 * Checks that the text of an answer has every fact of its data: some clients show a model only one of
 * the two. A size may be rounded.
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
  } else if (typeof value === "boolean") {
    const words = WORDS[path.split(".").at(-1) ?? ""]?.[`${value}`];
    if (words !== undefined) yield [path, [words].flat()];
  } else if (typeof value === "object" && value !== null) {
    for (const [key, each] of Object.entries(value)) yield* factsOf(each, `${path}.${key}`);
  }
}

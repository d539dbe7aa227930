import assert from "node:assert/strict";
import type { ConfigurationName } from "./catalogs.ts";
import { projectFile } from "./project.ts";

/**
 * Compares a value with the JSON file `tests/<name>.json`, or writes the file when
 * UPDATE_SNAPSHOTS=1. A missing file is a failure.
 *
 * @param name below tests, for example `sandbox/__snapshots__/permissions`
 */
export function assertSnapshot(name: string, value: unknown): void {
  const path = projectFile(`tests/${name}.json`);
  const text = `${JSON.stringify(value, null, 2)}\n`;
  if (isUpdate()) Deno.writeTextFileSync(path, text);
  const stored: unknown = JSON.parse(Deno.readTextFileSync(path));
  assert.deepEqual(
    JSON.parse(text),
    stored,
    `${name} has changed; if that is meant, run \`deno task snapshots\``,
  );
}

const isUpdate = (): boolean => Deno.env.get("UPDATE_SNAPSHOTS") === "1";

/** Tools with fewer arguments in some configurations, and these configurations. */
const REDUCED: Readonly<Record<string, readonly ConfigurationName[]>> = {
  generate_download_link: ["core", "imagekit", "r2"],
  ssh_read_file: ["core", "imagekit", "r2"],
  ssh_write_file: ["core", "imagekit", "r2"],
  ssh_edit_file: ["core", "imagekit", "r2"],
  ssh_list_directory: ["core", "imagekit", "r2"],
  ssh_start_job: ["core", "imagekit", "r2"],
  ssh_download_directory: ["core", "r2"],
  ssh_upload_directory: ["core", "r2"],
};

/** Compares each tool of a configuration with its own snapshot, `tests/server/__snapshots__/tools/NAME.json`. */
export function assertToolSnapshots(
  configuration: ConfigurationName,
  tools: readonly { readonly name: string }[],
): void {
  for (const tool of tools) {
    const isReduced = REDUCED[tool.name]?.includes(configuration) ?? false;
    const file = isReduced ? `${tool.name}.reduced` : tool.name;
    assertSnapshot(`server/__snapshots__/tools/${file}`, tool);
  }
}

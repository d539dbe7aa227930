import assert from "node:assert/strict";
import { currentToolsPage } from "../../docs/generate.ts";
import { CONFIGURATION_NAMES, listTools } from "../support/catalogs.ts";
import { assertSnapshot, assertToolSnapshots } from "../support/snapshot.ts";
import { projectFile } from "../support/project.ts";

for (const name of CONFIGURATION_NAMES) {
  Deno.test(`createTools() makes the tools of the snapshots (${name})`, async () => {
    assertToolSnapshots(name, await listTools(name));
  });
}

Deno.test("every snapshot of a tool belongs to a tool", async () => {
  const known = new Set<string>();
  for (const configuration of CONFIGURATION_NAMES) {
    for (const { name } of await listTools(configuration)) known.add(name);
  }
  const stored = [...Deno.readDirSync(projectFile("tests/server/__snapshots__/tools"))]
    .map(({ name }) => name.split(".")[0] ?? "");
  assert.deepEqual([...new Set(stored)].sort(), [...known].sort());
});

Deno.test("createTools() makes these tools in each configuration", async () => {
  const names = await Promise.all(
    CONFIGURATION_NAMES.map(async (configuration) =>
      [configuration, (await listTools(configuration)).map(({ name }) => name)] as const
    ),
  );
  assertSnapshot("server/__snapshots__/configurations", Object.fromEntries(names));
});

Deno.test("docs/tools.md is what `deno task docs` writes", async () => {
  assert.equal(
    Deno.readTextFileSync(projectFile("docs/tools.md")),
    await currentToolsPage(),
    "docs/tools.md is out of date: run `deno task docs`",
  );
});

Deno.test("README.md names every tool in full, and no other", async () => {
  const known = new Set<string>();
  for (const configuration of CONFIGURATION_NAMES) {
    for (const { name } of await listTools(configuration)) known.add(name);
  }
  const families = /`((?:ssh|proxmox|imagekit|exchange)_[a-z_]*[a-z]|[a-z]+_download_[a-z]+)`/g;
  const named = Deno.readTextFileSync(projectFile("README.md")).matchAll(families);
  assert.deepEqual([...new Set([...named].map(([, name]) => name))].sort(), [...known].sort());
});

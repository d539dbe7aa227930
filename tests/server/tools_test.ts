import assert from "node:assert/strict";
import * as z from "zod";
import { currentToolsPage } from "../../docs/generate.ts";
import { createCatalog } from "../../src/mcp/catalog.ts";
import { CONFIGURATION_NAMES, listTools, MANY_HOSTS, offeredTools } from "../support/catalogs.ts";
import { assertSnapshot, assertToolSnapshots } from "../support/snapshot.ts";
import { costOf, MAX_LATER_COST } from "../support/tokens.ts";
import { projectFile } from "../support/project.ts";

for (const name of CONFIGURATION_NAMES) {
  Deno.test(`createTools() makes the tools of the snapshots (${name})`, async () => {
    assertToolSnapshots(name, await listTools(name));
  });
}

/** Tools that exist only with several hosts. */
const FOR_HOSTS = ["ssh_list_hosts", "ssh_exec_on_hosts", "ssh_copy_between_hosts"];

Deno.test("createTools() makes tools for the hosts, if there are several", async () => {
  const { list } = createCatalog(await offeredTools(MANY_HOSTS));
  assertToolSnapshots("core", list.filter(({ name }) => FOR_HOSTS.includes(name)));
  for (const tool of list.filter(({ name }) => FOR_HOSTS.includes(name))) {
    const { model, wire } = costOf([tool]);
    assert.ok(model <= MAX_LATER_COST.model && wire <= MAX_LATER_COST.wire, tool.name);
  }
  const others = list.filter(({ name }) => !FOR_HOSTS.includes(name)).map(({ name }) => name);
  assert.deepEqual(others, (await listTools("core")).map(({ name }) => name));
});

Deno.test("every snapshot of a tool belongs to a tool", async () => {
  const known = new Set(FOR_HOSTS);
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

Deno.test("every output schema admits a failure, and no field of another type", async () => {
  const failure = {
    success: false,
    code: "locked",
    error: "It is locked",
    suggestion: "Unlock it",
  };
  for (const { name, outputSchema } of await listTools("everything")) {
    const schema = z.fromJSONSchema(JSON.parse(JSON.stringify(outputSchema)));
    assert.deepEqual(schema.parse(failure), failure, name);
    assert.equal(schema.safeParse([]).success, false, name);
    for (const field of Object.keys(outputSchema?.properties ?? {})) {
      assert.equal(schema.safeParse({ [field]: 1n }).success, false, `${name}: ${field}`);
    }
  }
});

Deno.test("two hosts and two logins make different tools and instructions", async () => {
  const described = async (env: Readonly<Record<string, string>>) =>
    JSON.stringify((await offeredTools(env)).map(({ description }) => description));
  const texts = await Promise.all(
    [{}, { HOST: "other.example" }, { SSH_USERNAME: "deploy" }, { MAX_FILE_SIZE: "1048576" }]
      .map(described),
  );
  assert.equal(new Set(texts).size, 4);
  assert.match(texts[1] ?? "", /other\.example/);
  assert.match(texts[3] ?? "", /max 1 MiB/);
});

Deno.test("docs/tools.md is what `deno task docs` writes", async () => {
  assert.equal(
    Deno.readTextFileSync(projectFile("docs/tools.md")),
    await currentToolsPage(),
    "docs/tools.md is out of date: run `deno task docs`",
  );
});

Deno.test("README.md names every tool in full, and no other", async () => {
  const known = new Set(FOR_HOSTS);
  for (const configuration of CONFIGURATION_NAMES) {
    for (const { name } of await listTools(configuration)) known.add(name);
  }
  const families = /`((?:ssh|proxmox|imagekit|exchange)_[a-z_]*[a-z]|[a-z]+_download_[a-z]+)`/g;
  const named = Deno.readTextFileSync(projectFile("README.md")).matchAll(families);
  assert.deepEqual([...new Set([...named].map(([, name]) => name))].sort(), [...known].sort());
});

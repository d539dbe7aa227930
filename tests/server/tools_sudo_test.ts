import assert from "node:assert/strict";
import { instructions } from "../../src/server/instructions.ts";
import { createCatalog } from "../../src/mcp/catalog.ts";
import { CONFIGURATION_NAMES, CONFIGURATIONS, offeredTools } from "../support/catalogs.ts";
import { configOf } from "../support/config.ts";
import { costOf, isFirst, maxCostOf } from "../support/tokens.ts";

/** The tools that root can do the work of. */
const WITH_SUDO = [
  "ssh_exec_command",
  "ssh_read_file",
  "ssh_write_file",
  "ssh_edit_file",
  "ssh_list_directory",
  "ssh_start_job",
  "ssh_upload_file",
  "ssh_download_file",
  "ssh_upload_directory",
  "ssh_download_directory",
];

/** Tokens of the argument. */
const SUDO_COST = 8;

const listOf = async (env: Readonly<Record<string, string>>) =>
  createCatalog(await offeredTools(env)).list;

for (const name of CONFIGURATION_NAMES) {
  Deno.test(`SUDO adds one argument to some tools and changes nothing else (${name})`, async () => {
    const plain = await listOf(CONFIGURATIONS[name]);
    for (const env of [{ SUDO: "true" }, { SUDO_PASSWORD: "geheim 1" }]) {
      const tools = await listOf({ ...CONFIGURATIONS[name], ...env });
      const changed: string[] = [];
      const without = tools.map((tool) => {
        const { sudo, ...properties } = tool.inputSchema.properties ?? {};
        if (sudo === undefined) return tool;
        changed.push(tool.name);
        const description = tool.description?.replace(" (sudo: as root)", "");
        return { ...tool, description, inputSchema: { ...tool.inputSchema, properties } };
      });
      assert.equal(JSON.stringify(without), JSON.stringify(plain));
      const offered = plain.map((tool) => tool.name);
      assert.deepEqual(changed.sort(), WITH_SUDO.filter((tool) => offered.includes(tool)).sort());
      assert.doesNotMatch(JSON.stringify(tools), /geheim/);
      for (const tool of tools.filter((tool) => !isFirst(tool))) {
        const { model, wire } = costOf([tool]);
        const text = `${tool.name}: ${model}, ${wire}`;
        const max = maxCostOf(tool);
        assert.ok(model <= max.model + SUDO_COST, text);
        assert.ok(wire <= max.wire + SUDO_COST, text);
      }
      const config = configOf({ ...CONFIGURATIONS[name], ...env });
      const text = instructions(config, offered);
      assert.ok(text.length <= 1_900, String(text.length));
      assert.match(text, /the argument sudo/);
    }
  });
}

Deno.test("SUDO adds its argument to the tools that READ_ONLY leaves, and no tool", async () => {
  const names = async (env: Readonly<Record<string, string>>) =>
    (await listOf({ READ_ONLY: "true", ...env })).map(({ name }) => name);
  assert.deepEqual(await names({ SUDO: "true" }), await names({}));
  const tools = await listOf({ READ_ONLY: "true", SUDO: "true" });
  const withSudo = tools.filter(({ inputSchema }) => "sudo" in (inputSchema.properties ?? {}));
  assert.deepEqual(withSudo.map(({ name }) => name), ["ssh_read_file", "ssh_list_directory"]);
});

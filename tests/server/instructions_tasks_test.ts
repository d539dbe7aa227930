import assert from "node:assert/strict";
import { instructions } from "../../src/server/instructions.ts";
import { CONFIGURATIONS, toolsOf } from "../support/catalogs.ts";
import { configOf } from "../support/config.ts";
import { LATER_CHOICES, TOOL_CHOICES } from "./instructions_tasks.ts";

Deno.test("every task names a tool that its configuration offers and its instructions lead to", async () => {
  assert.equal(TOOL_CHOICES.length, 20);
  const choices = [...TOOL_CHOICES, ...LATER_CHOICES];
  assert.equal(new Set(choices.map(({ request }) => request)).size, choices.length);
  for (const { configuration, request, tool } of choices) {
    const names = (await toolsOf(configuration)).map(({ name }) => name);
    assert.ok(names.includes(tool), `${tool}: ${request}`);
    const text = instructions(configOf(CONFIGURATIONS[configuration]), names);
    const family = tool.split("_")[0] ?? "";
    assert.ok(
      text.includes(tool) || text.includes(`${family}_*`) || FOLLOWING.includes(tool),
      tool,
    );
    assert.ok(!request.includes(tool), "the request must not name the tool");
  }
});

/** Their names say what they do with what another tool has made. */
const FOLLOWING = ["list_download_stats", "revoke_download_link", "ssh_list_jobs"];

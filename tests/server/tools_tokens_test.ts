import assert from "node:assert/strict";
import { CONFIGURATION_NAMES, listTools } from "../support/catalogs.ts";
import { type Cost, costOf, isFirst, MAX_COST, maxCostOf } from "../support/tokens.ts";

for (const name of CONFIGURATION_NAMES) {
  Deno.test(`the tool list costs no more tokens than it may (${name})`, async () => {
    const tools = await listTools(name);
    const max = MAX_COST[name];
    if (max !== undefined) assertAtMost(`the first tools of ${name}`, tools.filter(isFirst), max);
    for (const tool of tools.filter((tool) => !isFirst(tool))) {
      assertAtMost(tool.name, [tool], maxCostOf(tool));
    }
  });
}

Deno.test("the first tools are those that share one budget", async () => {
  const tools = (await Promise.all(CONFIGURATION_NAMES.map(listTools))).flat();
  assert.equal(new Set(tools.filter(isFirst).map(({ name }) => name)).size, 41);
});

function assertAtMost(what: string, tools: Parameters<typeof costOf>[0], max: Cost): void {
  const { model, wire } = costOf(tools);
  const text = `${what}: ${model} of ${max.model} model tokens, ${wire} of ${max.wire} wire tokens`;
  assert.ok(model <= max.model && wire <= max.wire, text);
}

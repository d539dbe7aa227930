import assert from "node:assert/strict";
import { createCatalog } from "../../src/mcp/catalog.ts";
import { CONFIGURATION_NAMES, listTools, MANY_HOSTS, offeredTools } from "../support/catalogs.ts";
import {
  type Cost,
  costOf,
  isFirst,
  MAX_COST,
  MAX_LATER_COST,
  maxCostOf,
} from "../support/tokens.ts";

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

Deno.test("with several hosts, the first tools of core and the tools for hosts keep their budgets", async () => {
  const sudo = { SUDO: "true" };
  for (const env of [{ HOST: "web1", HOSTS: "web2,db1", ...sudo }, { ...MANY_HOSTS, ...sudo }]) {
    const { list } = createCatalog(await offeredTools(env));
    assertAtMost("the first tools", list.filter(isFirst), MAX_COST.core ?? assert.fail());
    const forHosts = list.filter(({ name }) => name.endsWith("_hosts"));
    assert.ok(forHosts.length >= 2);
    for (const tool of forHosts) assertAtMost(tool.name, [tool], MAX_LATER_COST);
  }
});

function assertAtMost(what: string, tools: Parameters<typeof costOf>[0], max: Cost): void {
  const { model, wire } = costOf(tools);
  const text = `${what}: ${model} of ${max.model} model tokens, ${wire} of ${max.wire} wire tokens`;
  assert.ok(model <= max.model && wire <= max.wire, text);
}

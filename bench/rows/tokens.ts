import {
  CONFIGURATION_NAMES,
  type ConfigurationName,
  listTools,
} from "../../tests/support/catalogs.ts";
import {
  type Cost,
  costOf,
  isFirst,
  MAX_COST,
  MAX_LATER_COST,
} from "../../tests/support/tokens.ts";
import type { OfflineRows } from "../harness.ts";
import { figure } from "../numbers.ts";
import type { Result } from "../table.ts";

/** What the tool list costs a model's context, in tokens of o200k. */
export const tokensRows: OfflineRows = {
  name: "tokens",
  about: "tokens of the tool list, by configuration (offline)",
  offline: true,
  async measure() {
    const shared = await Promise.all(CONFIGURATION_NAMES.map(rowsOf));
    return [...shared.flat(), ...await laterRows()];
  },
};

async function rowsOf(name: ConfigurationName): Promise<Result[]> {
  const tools = await listTools(name);
  const first = tools.filter(isFirst);
  const isAll = first.length === tools.length;
  return [
    ...rows(
      `${name}, ${isAll ? "" : "first "}${first.length} tools`,
      costOf(first),
      MAX_COST[name],
    ),
    ...(isAll ? [] : rows(`${name}, all ${tools.length} tools`, costOf(tools))),
  ];
}

/** Every tool that has a budget of its own, once. */
async function laterRows(): Promise<Result[]> {
  const tools = (await Promise.all(CONFIGURATION_NAMES.map(listTools))).flat();
  const later = new Map(tools.filter((tool) => !isFirst(tool)).map((tool) => [tool.name, tool]));
  return [...later].flatMap(([name, tool]) => rows(name, costOf([tool]), MAX_LATER_COST));
}

const rows = (what: string, cost: Cost, max?: Cost): Result[] =>
  (["model", "wire"] as const).map((kind) => ({
    what: `${what}, ${kind}`,
    unit: "tokens",
    ours: figure([cost[kind]]),
    ...(max === undefined ? {} : { aim: { of: "value", most: max[kind] } }),
  }));

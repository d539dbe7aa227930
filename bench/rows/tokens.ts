import type { Tool as McpTool } from "@modelcontextprotocol/server";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { type ConfigurationName, listTools } from "../../tests/support/catalogs.ts";
import type { OfflineRows } from "../harness.ts";
import { figure } from "../numbers.ts";
import type { Result } from "../table.ts";

/** Aims for today's tools, by configuration; the others are measured without one. */
const AIMS: Readonly<Partial<Record<ConfigurationName, { model: number; wire: number }>>> = {
  core: { model: 900, wire: 1_900 },
  everything: { model: 4_300, wire: 8_500 },
};

const CONFIGURATIONS: readonly ConfigurationName[] = [
  "core",
  "proxmox",
  "imagekit",
  "r2",
  "proxmox_and_r2",
  "everything",
];

/** What the tool list costs a model's context, in tokens of o200k. */
export const tokensRows: OfflineRows = {
  name: "tokens",
  about: "tokens of the tool list, by configuration (offline)",
  offline: true,
  async measure() {
    return (await Promise.all(CONFIGURATIONS.map(rowsOf))).flat();
  },
};

async function rowsOf(name: ConfigurationName): Promise<Result[]> {
  const tools = await listTools(name);
  const row = (kind: "model" | "wire", tokens: number): Result => {
    const most = AIMS[name]?.[kind];
    return {
      what: `${name}, ${tools.length} tools, ${kind}`,
      unit: "tokens",
      ours: figure([tokens]),
      ...(most === undefined ? {} : { aim: { of: "value", most } }),
    };
  };
  return [row("model", modelTokens(tools)), row("wire", countTokens(JSON.stringify(tools)))];
}

/** What a client passes on to a model: the rest of a tool is for the client itself. */
const modelTokens = (tools: readonly McpTool[]): number =>
  tools.map(({ name, description, inputSchema }) =>
    countTokens(JSON.stringify({ name, description, input_schema: inputSchema }))
  ).reduce((sum, tokens) => sum + tokens, 0);

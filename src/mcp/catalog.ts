import type { Tool as McpTool, ToolAnnotations } from "@modelcontextprotocol/server";
import { answerSchema, argumentsSchema } from "./json_schema.ts";
import type { Tool } from "./tool.ts";

/** The tools by name, and their list in the form of MCP. */
export interface Catalog {
  readonly list: readonly McpTool[];
  find(name: string): Tool | undefined;
}

/** @throws TypeError when two tools have one name */
export function createCatalog(tools: readonly Tool[]): Catalog {
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  if (byName.size !== tools.length) throw new TypeError("Two tools have the same name");
  return { list: tools.map(describe), find: (name) => byName.get(name) };
}

function describe(tool: Tool): McpTool {
  return {
    name: tool.name,
    title: tool.title,
    description: tool.description,
    inputSchema: argumentsSchema(tool.input),
    outputSchema: answerSchema(tool.output),
    annotations: annotationsOf(tool),
  };
}

/**
 * Returns a tool's hints without those that have MCP's default or do not apply: `openWorldHint` is true,
 * `idempotentHint` is false, and a tool that only reads has no other.
 */
export function annotationsOf({ effect, idempotent }: Tool): ToolAnnotations {
  if (effect === "reads") return { readOnlyHint: true };
  return {
    destructiveHint: effect === "destroys",
    ...(idempotent ? { idempotentHint: true } : {}),
  };
}

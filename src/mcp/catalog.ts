import type { Tool as McpTool } from "@modelcontextprotocol/server";
import { z } from "zod";
import { failureSchema } from "./result.ts";
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
    inputSchema: { ...jsonSchema(tool.input, "input"), type: "object" },
    outputSchema: {
      type: "object",
      anyOf: [jsonSchema(tool.output, "output"), jsonSchema(failureSchema, "output")],
    },
    annotations: {
      title: tool.title,
      readOnlyHint: tool.effect === "reads",
      destructiveHint: tool.effect === "destroys",
      idempotentHint: tool.idempotent,
      openWorldHint: true,
    },
  };
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): Record<string, unknown> {
  // Clients use draft 7 validators, which refuse a schema that names another draft.
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, target: "draft-7" });
  return rest;
}

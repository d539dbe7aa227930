import assert from "node:assert/strict";
import * as z from "zod";
import { answerSchema, argumentsSchema } from "../../src/mcp/json_schema.ts";
import { responseFormat, unlistedFormat } from "../../src/mcp/tool.ts";
import { pure } from "../support/pure.ts";

pure("argumentsSchema() shows names, types, defaults, meanings and maxima", () => {
  const schema = argumentsSchema(z.strictObject({
    path: z.string().min(1).max(4096).regex(/^x/).describe("A path"),
    id: z.number().int().min(100).max(999_999_999),
    timeout: z.number().int().min(1).max(300).default(30),
    response_format: responseFormat,
  }));
  assert.deepEqual(schema, {
    type: "object",
    properties: {
      path: { type: "string", description: "A path" },
      id: { type: "integer" },
      timeout: { type: "integer", default: 30, maximum: 300 },
      response_format: { type: "string", enum: ["text", "json"], default: "text" },
    },
    required: ["path", "id"],
    additionalProperties: false,
  });
});

pure("argumentsSchema() leaves out what is accepted without being listed", () => {
  const input = z.strictObject({ response_format: unlistedFormat });
  assert.deepEqual(argumentsSchema(input), {
    type: "object",
    properties: {},
    additionalProperties: false,
  });
  assert.deepEqual(input.parse({ response_format: "json" }), { response_format: "json" });
});

pure("answerSchema() shows names, types and meanings, but no field that can only be true", () => {
  const schema = answerSchema(z.object({
    success: z.literal(true),
    running: z.literal(true).optional().describe("It goes on"),
    code: z.number().int().nullable().describe("null: none"),
    kind: z.enum(["a", "b"]),
    rows: z.array(
      z.object({ id: z.number().int().min(1), tags: z.record(z.string(), z.string()) }),
    ),
    more: z.looseObject({ name: z.string().optional() }),
  }));
  assert.deepEqual(schema, {
    type: "object",
    properties: {
      running: { type: "boolean", description: "It goes on" },
      code: { type: ["integer", "null"], description: "null: none" },
      kind: { enum: ["a", "b"] },
      rows: {
        type: "array",
        items: {
          type: "object",
          properties: {
            id: { type: "integer" },
            tags: { type: "object", additionalProperties: { type: "string" } },
          },
        },
      },
      more: { type: "object", properties: { name: { type: "string" } } },
    },
  });
});

import assert from "node:assert/strict";
// The SDK exports its types only for the path without ".js".
// @ts-types="@modelcontextprotocol/sdk/types"
import { JSONRPCMessageSchema } from "@modelcontextprotocol/sdk/types.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types";

/** Parses the lines of stdout. Fails if a line is not an MCP message. */
export function parseMessages(lines: readonly string[]): JSONRPCMessage[] {
  return lines.map((line) => {
    try {
      return JSONRPCMessageSchema.parse(JSON.parse(line));
    } catch {
      return assert.fail(`stdout carried something that is not MCP: ${line.slice(0, 200)}`);
    }
  });
}

import assert from "node:assert/strict";
import * as z from "zod";
import { ERROR_CODES, RemoteExecError } from "../../src/errors.ts";
import { createLogger } from "../../src/log.ts";
import { noAudit } from "../../src/mcp/audit.ts";
import { createCatalog } from "../../src/mcp/catalog.ts";
import { callTool } from "../../src/mcp/server.ts";
import { defineTool } from "../../src/mcp/tool.ts";
import { listTools } from "../support/catalogs.ts";

Deno.test("no suggestion names the tool that has just failed, whatever the error", async () => {
  const names = (await listTools("everything")).map(({ name }) => name);
  assert.ok(names.length > 30);
  for (const name of names) {
    for (const code of ERROR_CODES) {
      for (const isThrown of [true, false]) {
        const error = new RemoteExecError(
          code,
          "It failed",
          `Call ${name} again, or see "x_${name}"`,
        );
        const suggestion = await suggestionOf(name, error, isThrown);
        assert.doesNotMatch(suggestion, new RegExp(`(?<![a-z_])${name}(?![a-z_])`));
        assert.notEqual(suggestion, "");
      }
    }
  }
});

Deno.test("a suggestion that names another tool is kept, also one with a longer name", async () => {
  for (
    const suggestion of ["Call exchange_list", "Call exchange_list_all", "Check my_exchange_share"]
  ) {
    const error = new RemoteExecError("not_found", "It failed", suggestion);
    assert.equal(await suggestionOf("exchange_share", error, true), suggestion);
  }
});

async function suggestionOf(
  name: string,
  error: RemoteExecError,
  isThrown: boolean,
): Promise<string> {
  const tool = defineTool({
    name,
    title: "Fail",
    description: "Fail.",
    effect: "reads",
    input: z.strictObject({}),
    output: z.object({}),
    run: () =>
      isThrown ? Promise.reject(error) : Promise.resolve({ text: "", data: {}, failure: error }),
  });
  const parts = {
    version: "1",
    catalog: createCatalog([tool]),
    instructions: "",
    audit: noAudit,
    logger: createLogger("error", [], () => {}),
  };
  const context = { signal: new AbortController().signal, progress: undefined };
  const { structuredContent } = await callTool(parts, name, {}, context);
  return String(structuredContent.suggestion);
}

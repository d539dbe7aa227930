import assert from "node:assert/strict";
import * as z from "zod";
import { RemoteExecError } from "../../src/errors.ts";
import { createLogger } from "../../src/log.ts";
import type { AuditEntry } from "../../src/mcp/audit.ts";
import { createCatalog } from "../../src/mcp/catalog.ts";
import { callTool, type ServerParts } from "../../src/mcp/server.ts";
import { defineTool, responseFormat, type ToolContext } from "../../src/mcp/tool.ts";
import { pure } from "../support/pure.ts";

const input = z.strictObject({ what: z.string().optional(), response_format: responseFormat });

const tool = defineTool({
  name: "test_tool",
  title: "Test",
  description: "Fails as it is told.",
  effect: "reads",
  input,
  output: z.object({ bytes_transferred: z.number() }),
  run({ what }, { signal }) {
    if (what === "known") throw new RemoteExecError("locked", "It is locked", "Unlock it");
    if (what === "defect") throw new TypeError("the password is correct horse");
    if (what === "aborted") signal.throwIfAborted();
    return Promise.resolve({ text: "done", data: { bytes_transferred: 7 } });
  },
});

function parts() {
  const entries: AuditEntry[] = [];
  const lines: string[] = [];
  const made: ServerParts = {
    version: "1",
    catalog: createCatalog([tool]),
    instructions: "",
    audit: { record: (entry) => void entries.push(entry), event() {} },
    logger: createLogger("debug", [], (line) => lines.push(line)),
  };
  return { made, entries, lines };
}

const calm: ToolContext = { signal: new AbortController().signal, progress: undefined };

pure("callTool() answers an unknown tool with the names of all", async () => {
  const { made, entries } = parts();
  const { isError, structuredContent } = await callTool(made, "ls", {}, calm);
  assert.equal(isError, true);
  assert.deepEqual(structuredContent, {
    success: false,
    code: "unknown_tool",
    error: 'There is no tool named "ls"',
    suggestion: "Use one of: test_tool",
  });
  assert.deepEqual([entries[0]?.tool, entries[0]?.code], ["ls", "unknown_tool"]);
});

pure("callTool() answers arguments that do not match, and records the refusal", async () => {
  const { made, entries } = parts();
  const result = await callTool(made, "test_tool", { wat: 1 }, calm);
  assert.equal(result.structuredContent.code, "invalid_argument");
  assert.match(String(result.structuredContent.error), /unknown argument 'wat'/);
  assert.deepEqual(
    [entries[0]?.outcome, entries[0]?.code, entries[0]?.arguments],
    ["error", "invalid_argument", { wat: 1 }],
  );
});

pure(
  "callTool() refuses half a surrogate pair before the tool runs, and repeats it nowhere",
  async () => {
    const { made, entries } = parts();
    for (const what of ["\ud83d", "a\udc00b", "ok \ud83d\ude00 \ude00"]) {
      const { structuredContent, content } = await callTool(made, "test_tool", { what }, calm);
      assert.equal(structuredContent.code, "invalid_argument");
      assert.equal(
        structuredContent.error,
        "Input validation error: what: contains half of a surrogate pair, which is no character",
      );
      assert.ok(JSON.stringify([structuredContent, content]).isWellFormed());
      assert.doesNotMatch(JSON.stringify([structuredContent, content]), /\\ud[89a-f]/i);
    }
    assert.equal(entries.every(({ code }) => code === "invalid_argument"), true);
    const whole = await callTool(made, "test_tool", { what: "\ud83d\ude00" }, calm);
    assert.equal(whole.isError, undefined);
  },
);

pure("callTool() returns known errors and hides defects", async () => {
  const { made, lines } = parts();
  const known = await callTool(made, "test_tool", { what: "known" }, calm);
  assert.equal(known.structuredContent.code, "locked");
  const defect = await callTool(made, "test_tool", { what: "defect" }, calm);
  assert.equal(defect.structuredContent.code, "internal");
  assert.doesNotMatch(JSON.stringify(defect), /correct horse/);
  assert.match(lines.join(""), /defect in a tool: TypeError: the password/);
});

pure("callTool() reports an aborted call as cancelled", async () => {
  const { made } = parts();
  const context = { signal: AbortSignal.abort(), progress: undefined };
  const { structuredContent } = await callTool(made, "test_tool", { what: "aborted" }, context);
  assert.equal(structuredContent.code, "cancelled");
});

pure("callTool() records outcome, duration and bytes", async () => {
  const { made, entries } = parts();
  await callTool(made, "test_tool", { what: "x" }, calm);
  const { durationMs, ...entry } = entries[0] ?? assert.fail("nothing was recorded");
  assert.ok(Number.isInteger(durationMs) && durationMs >= 0);
  assert.deepEqual(entry, {
    tool: "test_tool",
    arguments: { what: "x" },
    outcome: "ok",
    bytes: 7,
  });
});

pure("callTool() answers although the audit log cannot be written, and says so", async () => {
  const { made, lines } = parts();
  const audit = {
    record: () => assert.fail("the disk is full"),
    event() {},
  };
  const result = await callTool({ ...made, audit }, "test_tool", {}, calm);
  assert.equal(result.isError, undefined);
  assert.match(lines.join(""), /^\[error\] the audit log cannot be written: /);
});

pure("createCatalog() refuses two tools with the same name", () => {
  assert.throws(() => createCatalog([tool, tool]), TypeError);
});

/** The protocol of the real server with the tools that the conformance scenarios call. */
import * as z from "zod";
import { RemoteExecError } from "../../src/errors.ts";
import { createLogger } from "../../src/log.ts";
import { noAudit } from "../../src/mcp/audit.ts";
import { createCatalog } from "../../src/mcp/catalog.ts";
import { defineTool } from "../../src/mcp/tool.ts";
import { answerClient } from "../../src/server/running.ts";

const described = {
  description: "A tool that the conformance scenarios call.",
  effect: "reads",
  input: z.strictObject({}),
  output: z.object({ message: z.string() }),
} as const;

const done = (text: string) => Promise.resolve({ text, data: { message: text } });

const tools = [
  defineTool({
    ...described,
    name: "test_simple_text",
    title: "Return a text",
    run: () => done("This is a simple text response for testing."),
  }),
  defineTool({
    ...described,
    name: "test_error_handling",
    title: "Fail",
    run: () => Promise.reject(new RemoteExecError("not_found", "This tool fails", "Expect it")),
  }),
  defineTool({
    ...described,
    name: "test_tool_with_progress",
    title: "Report progress",
    run: (_args, { progress }) => {
      for (const step of [0, 50, 100]) progress?.({ progress: step, total: 100 });
      return done("Done");
    },
  }),
];

if (import.meta.main) {
  const running = answerClient({
    version: "1",
    catalog: createCatalog(tools),
    instructions: "Tools for the conformance scenarios.",
    audit: noAudit,
    logger: createLogger("error"),
  });
  running.ended.then(() => running.stop()).finally(() => Deno.exit(0));
}

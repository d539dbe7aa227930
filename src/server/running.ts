import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { valueWithin } from "../async/deadline.ts";
import type { ToolResult } from "../mcp/result.ts";
import { RunningCalls } from "../mcp/running_calls.ts";
import { createMcpServer, type ServerParts } from "../mcp/server.ts";
import { StdioTransport } from "../mcp/stdio/transport.ts";
import { dropPermissions } from "../sandbox/drop_permissions.ts";

/** The part of an exit in which cancelled calls may answer with their outcome. */
const OUTCOME_MS = 1_000;
/** The time after that for answers without an outcome. */
const ANSWER_MS = 200;

/** A server that answers its client. */
export interface Running {
  /** Resolves when the client is gone. */
  readonly ended: Promise<string>;
  /** Cancels the calls and sends their answers, stops what runs on the hosts, then the workers. */
  stop(): Promise<void>;
  /** Rejects when a worker has died and the process must end. */
  readonly broken: Promise<never>;
}

/** Drops every permission of this isolate, then answers the client on stdin and stdout. */
export function answerClient(parts: ServerParts): Omit<Running, "broken"> {
  dropPermissions();
  const calls = new RunningCalls<ToolResult>();
  const transport = new StdioTransport(Deno.stdin, Deno.stdout, parts.logger);
  const onerror = (error: Error) => parts.logger.debug("protocol", error);
  serveStdio(() => createMcpServer(parts, calls), { transport, onerror });
  return { ended: transport.ended, stop: () => endCalls(calls, transport) };
}

/** Cancels the calls; those that are too slow are answered without their outcome. */
async function endCalls(calls: RunningCalls<ToolResult>, transport: StdioTransport): Promise<void> {
  const idle = transport.idle();
  calls.cancel();
  await valueWithin(idle, OUTCOME_MS);
  calls.abandon();
  await valueWithin(idle, ANSWER_MS);
}

import {
  LATEST_PROTOCOL_VERSION,
  PROTOCOL_VERSION_META_KEY,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type ServerContext,
  SUPPORTED_PROTOCOL_VERSIONS,
  UnsupportedProtocolVersionError,
} from "@modelcontextprotocol/server";
import * as z from "zod";
import { cancelled, internalError, printable, RemoteExecError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { AuditEntry, AuditLog } from "./audit.ts";
import type { Catalog } from "./catalog.ts";
import { brokenText, givenArguments } from "./given_arguments.ts";
import { increasing } from "./progress.ts";
import {
  forTool,
  invalidArguments,
  notText,
  toFailure,
  type ToolResult,
  toResult,
} from "./result.ts";
import { RunningCalls } from "./running_calls.ts";
import type { ToolContext } from "./tool.ts";

/** What the server needs. */
export interface ServerParts {
  readonly version: string;
  readonly catalog: Catalog;
  readonly instructions: string;
  readonly audit: AuditLog;
  readonly logger: Logger;
}

/**
 * Returns the MCP server of one connection: it lists the tools and calls them, in every revision of
 * the protocol. Failures are answers, never protocol errors.
 */
export function createMcpServer(
  parts: ServerParts,
  calls: RunningCalls<ToolResult> = new RunningCalls(),
): Server {
  const introduction = {
    serverInfo: { name: "mcp_remote_exec", title: "Remote Exec", version: parts.version },
    capabilities: { tools: {} },
    instructions: parts.instructions,
  };
  const { serverInfo, ...options } = introduction;
  const server = new Server(serverInfo, { ...options, jsonSchemaValidator: NO_VALIDATOR });
  // Before the SDK's handlers read a message, they build the schemas of all messages of the older
  // revisions, about 5 ms of the start.
  server.removeRequestHandler("initialize");
  server.removeNotificationHandler("notifications/initialized");
  // Not `setRequestHandler`: it builds the same schemas, and the SDK answers a malformed call with a
  // protocol error, which has no failure code and no line in the audit log.
  server.fallbackRequestHandler = async ({ method, params = {} }, context) => {
    if (method === "initialize") {
      return { ...introduction, protocolVersion: offeredVersion(params.protocolVersion) };
    }
    if (method !== "tools/list" && method !== "tools/call") {
      throw new ProtocolError(ProtocolErrorCode.MethodNotFound, "Method not found");
    }
    refuseUnknownVersion(context.mcpReq.envelope);
    if (method === "tools/list") return { tools: [...parts.catalog.list] };
    const { name, arguments: given } = params;
    const args = given ?? {};
    return await calls.run(
      context.mcpReq.signal,
      (signal) => {
        const toolContext = { signal, progress: progressTo(context) };
        return callTool(parts, typeof name === "string" ? name : "", args, toolContext);
      },
      () => toFailure(cancelled(), isRecord(args) ? args.response_format : undefined),
    );
  };
  return server;
}

/**
 * Source: MCP 2025-11-25, Lifecycle, "Version Negotiation". A version that is missing is like an unknown
 * one; of another type than text, it cannot be compared with any.
 */
function offeredVersion(requested: unknown): string {
  if (requested !== undefined && typeof requested !== "string") {
    throw new ProtocolError(
      ProtocolErrorCode.InvalidParams,
      `protocolVersion must be a text such as "${LATEST_PROTOCOL_VERSION}"`,
    );
  }
  return SUPPORTED_PROTOCOL_VERSIONS.find((version) => version === requested) ??
    LATEST_PROTOCOL_VERSION;
}

/** The SDK looks at the version of the first request only. */
function refuseUnknownVersion(envelope: Readonly<Record<string, unknown>> | undefined): void {
  const requested = envelope?.[PROTOCOL_VERSION_META_KEY];
  if (typeof requested !== "string" || MODERN_VERSIONS.includes(requested)) return;
  throw new UnsupportedProtocolVersionError({ supported: [...MODERN_VERSIONS], requested });
}

/** Versions in which every request names its version. */
const MODERN_VERSIONS: readonly string[] = ["2026-07-28"];

/** The SDK validates answers of clients to requests that this server never sends. */
const NO_VALIDATOR = {
  getValidator(): never {
    throw new TypeError("The server sends no requests");
  },
};

/** Returns undefined when the client did not ask for progress. */
function progressTo({ mcpReq: { _meta, notify } }: ServerContext): ToolContext["progress"] {
  const token = _meta?.progressToken;
  if (typeof token !== "string" && typeof token !== "number") return undefined;
  return increasing((step) => {
    // The client may be gone. The end of stdin cancels the call itself.
    notify({ method: "notifications/progress", params: { progressToken: token, ...step } })
      .catch(() => {});
  });
}

/**
 * Calls one tool and converts every outcome to a result. Writes the audit line, even when the process
 * ends during the call.
 */
export async function callTool(
  parts: ServerParts,
  name: string,
  given: unknown,
  context: ToolContext,
): Promise<ToolResult> {
  const startedAt = performance.now();
  const record = (result: ToolResult) => {
    try {
      parts.audit.record(auditEntry(name, given, result, performance.now() - startedAt));
    } catch (error) {
      parts.logger.error("the audit log cannot be written", error);
    }
  };
  const onExit = () => record(toFailure(cancelled(), "text"));
  globalThis.addEventListener("unload", onExit);
  const result = isRecord(given)
    ? await answer(parts, name, given, context)
    : toFailure(noArguments(), "text");
  globalThis.removeEventListener("unload", onExit);
  record(result);
  return result;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const noArguments = () =>
  new RemoteExecError(
    "invalid_argument",
    "Input validation error: arguments must be an object",
    "Pass the arguments by name, like { command: ... }",
  );

async function answer(
  parts: ServerParts,
  name: string,
  given: Record<string, unknown>,
  context: ToolContext,
): Promise<ToolResult> {
  const tool = parts.catalog.find(name);
  const shape = tool?.input.shape ?? {};
  const args = givenArguments(given, shape);
  const format = args.response_format;
  if (tool === undefined) return toFailure(unknownTool(name, parts.catalog), format);
  const broken = brokenText(args, shape);
  if (broken !== undefined) return toFailure(notText(broken), format);
  try {
    const done = await tool.call(args, context);
    const { failure } = done;
    return toResult(
      failure === undefined ? done : { ...done, failure: forTool(name, failure) },
      format,
    );
  } catch (error) {
    const failure = error instanceof z.ZodError
      ? invalidArguments(error, Object.keys(shape))
      : known(error, context, parts.logger);
    return toFailure(forTool(name, failure), format);
  }
}

function known(error: unknown, context: ToolContext, logger: Logger): RemoteExecError {
  if (error instanceof RemoteExecError) return error;
  if (context.signal.aborted) return cancelled();
  logger.error("defect in a tool", error);
  return internalError(error);
}

function unknownTool(name: string, catalog: Catalog): RemoteExecError {
  return new RemoteExecError(
    "unknown_tool",
    `There is no tool named "${printable(name)}"`,
    `Use one of: ${catalog.list.map((tool) => tool.name).join(", ")}`,
  );
}

function auditEntry(
  tool: string,
  args: unknown,
  result: ToolResult,
  elapsedMs: number,
): AuditEntry {
  const { code, bytes_transferred: bytes, exit_code: exitCode } = result.structuredContent;
  return {
    tool,
    arguments: args,
    outcome: result.isError ? "error" : "ok",
    ...(typeof code === "string" ? { code } : {}),
    durationMs: Math.round(elapsedMs),
    ...(typeof bytes === "number" ? { bytes } : {}),
    ...(typeof exitCode === "number" ? { exitCode } : {}),
  };
}

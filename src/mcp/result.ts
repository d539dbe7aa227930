import type { CallToolResult } from "@modelcontextprotocol/server";
import * as z from "zod";
import { escaped, printable, RemoteExecError } from "../errors.ts";
import type { ToolAnswer } from "./tool.ts";

/** The result of a tool call; its structured content is always an object. */
export interface ToolResult extends CallToolResult {
  readonly structuredContent: Record<string, unknown>;
}

/** The shape of a failure, which every output schema allows in addition to its own. */
export const failureSchema = z.object({
  success: z.literal(false),
  code: z.string(),
  error: z.string(),
  suggestion: z.string(),
});

/** Converts a tool's answer to MCP. With format `json` the text is exactly the structured content. */
export function toResult(answer: ToolAnswer<unknown>, format: unknown): ToolResult {
  const { failure } = answer;
  const data = failure === undefined
    ? answer.data
    : { ...asRecord(answer.data), ...failureOf(failure) };
  const text = failure === undefined ? answer.text : `${formatFailure(failure)}\n\n${answer.text}`;
  return {
    content: [{ type: "text", text: format === "json" ? JSON.stringify(data, null, 2) : text }],
    structuredContent: asRecord(data),
    ...(failure === undefined ? {} : { isError: true }),
  };
}

/** Converts a failure to MCP. */
export function toFailure(error: RemoteExecError, format: unknown): ToolResult {
  const data = failureOf(error);
  return {
    content: [{
      type: "text",
      text: format === "json" ? JSON.stringify(data, null, 2) : formatFailure(error),
    }],
    structuredContent: data,
    isError: true,
  };
}

/** Returns the error for arguments that do not match the schema, with the schema's own messages. */
export function invalidArguments(error: z.ZodError, known: readonly string[]): RemoteExecError {
  const problems = error.issues.map((issue) => {
    if (issue.code === "unrecognized_keys") {
      return `unknown argument ${listed(issue.keys)}`;
    }
    const place = issue.path.join(".");
    if (place === "") return issue.message;
    return `${place}: ${/, received undefined$/.test(issue.message) ? "required" : issue.message}`;
  });
  return new RemoteExecError(
    "invalid_argument",
    `Input validation error: ${problems.join("; ")}`,
    known.length === 0
      ? "Call the tool without arguments"
      : `Correct the call; the arguments are ${known.join(", ")}`,
  );
}

/** The error for the argument `name`, which is not Unicode text. */
export const notText = (name: string) =>
  new RemoteExecError(
    "invalid_argument",
    `Input validation error: ${name}: contains half of a surrogate pair, which is no character`,
    "Write the whole character, or leave it out",
  );

/** Names that the client made up: shown, but not all of very many. */
function listed(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).map((name) => `'${printable(name)}'`).join(", ");
  return names.length > MAX_NAMES ? `${shown} and ${names.length - MAX_NAMES} more` : shown;
}

const MAX_NAMES = 10;

/**
 * Returns the error; if its suggestion names the tool that has just failed, with another suggestion. An
 * error does not know which tool it will end.
 */
export function forTool(tool: string, error: RemoteExecError): RemoteExecError {
  const isNamed = new RegExp(`(?<![a-z_])${tool}(?![a-z_])`).test(error.suggestion);
  if (!isNamed || tool === "") return error;
  return new RemoteExecError(error.code, error.message, "Remove the cause, then try again", {
    cause: error,
    hasLines: true,
  });
}

function failureOf(error: RemoteExecError): z.infer<typeof failureSchema> {
  return {
    success: false,
    code: error.code,
    error: error.message,
    suggestion: escaped(error.suggestion),
  };
}

function formatFailure(error: RemoteExecError): string {
  return `[ERROR] ${error.message}\n\nSuggestion: ${
    escaped(error.suggestion)
  }\nCode: ${error.code}`;
}

/** The protocol requires structured content to be an object; every tool's data is one. */
function asRecord(data: unknown): Record<string, unknown> {
  if (typeof data === "object" && data !== null && !Array.isArray(data)) return { ...data };
  throw new TypeError("A tool's data must be an object");
}

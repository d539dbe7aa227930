import { z } from "zod";
import { formatMode } from "../mcp/arguments.ts";
import type { CapturedText, CopyOutcome, ExecOutcome } from "./port.ts";

export { cutTexts, without } from "./output.ts";

/** Whose answer it is. */
export interface HostName {
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

/** What the tools that run commands answer. */
export const execOutput = z.object({
  success: z.boolean().describe("The command ended with exit code 0"),
  exit_code: z.number().int().nullable(),
  signal: z.string().nullable().describe("Signal that ended the command, without SIG"),
  stdout: z.string(),
  stderr: z.string(),
  command: z.string(),
  timeout_reached: z.boolean(),
  cancelled: z.boolean(),
  duration_ms: z.number().int(),
  process_ended: z.boolean().describe(
    "The command ended by itself (its background jobs may go on), or it was stopped and nothing of its session is left",
  ),
  host: z.string(),
  user: z.string(),
  stdout_truncated: z.boolean().optional(),
  stdout_original_length: z.number().int().optional().describe("Unicode characters"),
  stderr_truncated: z.boolean().optional(),
  stderr_original_length: z.number().int().optional().describe("Unicode characters"),
  code: z.string().optional(),
  error: z.string().optional(),
  suggestion: z.string().optional(),
});

export type ExecAnswer = z.infer<typeof execOutput>;

/** The outcome of a command as the tools answer it. */
export function execAnswer(
  command: string,
  outcome: ExecOutcome,
  { host, port, user }: HostName,
): ExecAnswer {
  return {
    success: outcome.exitCode === 0,
    exit_code: outcome.exitCode,
    signal: outcome.signal,
    stdout: outcome.stdout.text,
    stderr: outcome.stderr.text,
    command,
    timeout_reached: outcome.ending === "timeout",
    cancelled: outcome.ending === "cancelled",
    duration_ms: outcome.durationMs,
    process_ended: outcome.processEnded,
    host: `${host}:${port}`,
    user,
    ...truncation("stdout", outcome.stdout),
    ...truncation("stderr", outcome.stderr),
  };
}

/** The same for people: sections, then the exit code, which is never cut away. */
export function formatExec(answer: ExecAnswer): string {
  const sections = [
    ...(answer.stdout === "" ? [] : [`=== STDOUT ===\n${answer.stdout}`]),
    ...(answer.stderr === "" ? [] : [`=== STDERR ===\n${answer.stderr}`]),
    [
      `=== EXIT CODE: ${answer.exit_code ?? "none"} ===`,
      `Command: ${answer.command}`,
      ...warnings(answer),
    ].join("\n"),
    [
      "=== EXECUTION METADATA ===",
      `Host: ${answer.host}`,
      `User: ${answer.user}`,
      `Time: ${answer.duration_ms} ms`,
    ].join("\n"),
  ];
  return sections.join("\n\n");
}

function warnings(answer: ExecAnswer): string[] {
  return [
    ...(answer.signal === null ? [] : [`Signal: ${answer.signal}`]),
    ...(answer.timeout_reached ? ["[WARNING] EXECUTION TIMED OUT"] : []),
    ...(answer.cancelled ? ["[WARNING] EXECUTION CANCELLED"] : []),
    ...(answer.process_ended ? [] : ["[WARNING] THE PROCESS MAY STILL RUN ON THE HOST"]),
  ];
}

function truncation<Name extends "stdout" | "stderr">(
  name: Name,
  { truncated, originalLength }: CapturedText,
) {
  return truncated
    ? { [`${name}_truncated`]: true, [`${name}_original_length`]: originalLength }
    : {};
}

/** What the file tools answer. */
export const transferOutput = z.object({
  success: z.literal(true),
  operation: z.enum(["upload", "download"]),
  local_path: z.string(),
  remote_path: z.string(),
  bytes_transferred: z.number().int(),
  sha256: z.string(),
  verified: z.enum(["sha256", "size"]).describe("What was compared on both sides"),
  transfer_speed: z.number().int().describe("Bytes per second"),
  permissions: z.string().optional(),
});

export type TransferAnswer = z.infer<typeof transferOutput>;

/** The outcome of a transfer as the file tools answer it. */
export function transferAnswer(
  operation: "upload" | "download",
  paths: { readonly local_path: string; readonly remote_path: string },
  { bytes, sha256, verified, durationMs }: CopyOutcome,
  permissions: number | undefined,
): TransferAnswer {
  return {
    success: true,
    operation,
    ...paths,
    bytes_transferred: bytes,
    sha256,
    verified,
    transfer_speed: Math.round(bytes / Math.max(durationMs, 1) * 1000),
    ...(permissions === undefined ? {} : { permissions: formatMode(permissions) }),
  };
}

/** The same for people. */
export function formatTransfer(answer: TransferAnswer, host: HostName): string {
  return [
    `[SUCCESS] File ${answer.operation.toUpperCase()} successful`,
    `Operation: ${answer.operation}`,
    `Local path: ${answer.local_path}`,
    `Remote path: ${answer.remote_path}`,
    `Bytes transferred: ${answer.bytes_transferred}`,
    `Transfer speed: ${answer.transfer_speed} bytes/s`,
    `SHA-256: ${answer.sha256}`,
    `Verified by: ${answer.verified}`,
    "",
    "=== TRANSFER METADATA ===",
    `Host: ${host.host}:${host.port}`,
    `User: ${host.user}`,
    ...(answer.permissions === undefined ? [] : [`Permissions set: ${answer.permissions}`]),
  ].join("\n");
}

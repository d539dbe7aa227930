import { Buffer } from "node:buffer";
import * as z from "zod";
import type { Limits } from "../config/config.ts";
import { printable } from "../errors.ts";
import { formatMode } from "../mcp/arguments.ts";
import { grouped, humanSize } from "../mcp/words.ts";
import type { CapturedText, CopyOutcome, ExecOutcome } from "./port.ts";

export { cutTexts, without } from "./output.ts";

/** The host and login that an answer names. */
export interface HostName {
  readonly host: string;
  /** Undefined among several hosts: the name then replaces address and port. */
  readonly port?: number;
  readonly user: string;
}

/** Returns the host in the form of the answers. */
const shownHost = ({ host, port }: HostName): string =>
  port === undefined ? host : `${host}:${port}`;

/**
 * Returns what a model must know before it runs a command, wherever it runs.
 *
 * @param answerWithinMs 0: a call waits for its command until the timeout
 */
export const commandRules = (
  { characterLimit }: Pick<Limits, "characterLimit">,
  answerWithinMs: number,
): string =>
  "No TTY, empty stdin. A non-zero exit code is no error. On timeout or cancellation, its processes are " +
  "stopped and the output so far is returned. " +
  (answerWithinMs === 0
    ? ""
    : `After ${answerWithinMs / 1000} s it goes on as a job: running, job_id. `) +
  `Output over ${grouped(characterLimit)} characters loses its middle.`;

/** Output schema of the tools that run commands. */
export const execOutput = z.object({
  success: z.boolean().describe("Exit code is 0"),
  exit_code: z.number().int().nullable().describe(
    "null: no exit (signal, timeout, cancellation, lost connection, still running)",
  ),
  signal: z.string().nullable().describe("E.g. KILL"),
  stdout: z.string(),
  stderr: z.string(),
  command: z.string().describe("Max 200 characters of it").meta({ unlisted: true }),
  timeout_reached: z.boolean().describe("Stopped by timeout"),
  cancelled: z.boolean().describe("Stopped by the client"),
  duration_ms: z.number().int().meta({ unlisted: true }),
  process_ended: z.boolean().describe(
    "false: it may still run",
  ),
  host: z.string(),
  user: z.string(),
  notice: z.string().optional(),
  stdout_truncated: z.boolean().optional().describe("Its middle is missing"),
  stdout_original_length: z.number().int().optional().describe("Characters before the cut"),
  stderr_truncated: z.boolean().optional().describe("Its middle is missing"),
  stderr_original_length: z.number().int().optional().meta({ unlisted: true }),
  running: z.literal(true).optional().describe("It goes on: ssh_job_output reads it"),
  job_id: z.string().optional(),
  output_id: z.string().optional().describe("Uncut output: for ssh_job_output"),
});

/** The structured answer of the tools that run commands. */
export type ExecAnswer = z.infer<typeof execOutput>;

/** Builds the structured answer for the outcome of a command. */
export function execAnswer(
  command: string,
  outcome: ExecOutcome,
  hostName: HostName,
): ExecAnswer {
  return {
    success: outcome.exitCode === 0,
    exit_code: outcome.exitCode,
    signal: outcome.signal,
    stdout: outcome.stdout.text,
    stderr: outcome.stderr.text,
    command: shortened(command),
    timeout_reached: outcome.ending === "timeout",
    cancelled: outcome.ending === "cancelled",
    duration_ms: outcome.durationMs,
    process_ended: outcome.processEnded,
    host: shownHost(hostName),
    user: hostName.user,
    ...noticeOf(outcome),
    ...truncation("stdout", outcome.stdout),
    ...truncation("stderr", outcome.stderr),
    ...(outcome.ending === "running" ? { running: true as const } : {}),
    ...(outcome.jobId === undefined ? {} : { job_id: outcome.jobId }),
    ...(outcome.outputId === undefined ? {} : { output_id: outcome.outputId }),
  };
}

/**
 * Formats the answer as text. The tool's own facts come first and once, with the size of each stream, so
 * that a command cannot forge them or a section by printing the same words: all that follows the first
 * `=== STDOUT ===` or `=== STDERR ===` is output.
 *
 * @param place lines about where the command ran, in addition to host and login
 */
export function formatExec(answer: ExecAnswer, place: readonly string[] = []): string {
  const sections = [
    [
      `=== EXIT CODE: ${answer.exit_code ?? "none"} ===`,
      `Command: ${printable(answer.command)}`,
      ...warnings(answer),
    ].join("\n"),
    [
      "=== EXECUTION METADATA ===",
      `Host: ${answer.host}`,
      `User: ${answer.user}`,
      ...place,
      `Time: ${answer.duration_ms} ms`,
      `Output: stdout ${size(answer.stdout, answer.stdout_original_length)}, ` +
      `stderr ${size(answer.stderr, answer.stderr_original_length)}`,
    ].join("\n"),
    ...(answer.stdout === "" ? [] : [`=== STDOUT ===\n${answer.stdout}`]),
    ...(answer.stderr === "" ? [] : [`=== STDERR ===\n${answer.stderr}`]),
  ];
  return sections.join("\n\n");
}

/** Code points, the unit of CHARACTER_LIMIT. */
const size = (text: string, original?: number): string =>
  `${Array.from(text).length} characters${original === undefined ? "" : ` (cut from ${original})`}`;

/** Returns at most 200 characters of a command: its caller knows it. */
function shortened(command: string): string {
  const characters = Array.from(command);
  return characters.length > MAX_COMMAND
    ? `${characters.slice(0, MAX_COMMAND).join("")}…`
    : command;
}

const MAX_COMMAND = 200;
const NO_STATUS = "The host sent no exit status, so it is unknown whether the command succeeded";

function warnings(answer: ExecAnswer): string[] {
  return [
    ...(answer.signal === null ? [] : [`Signal: ${answer.signal}`]),
    ...(answer.timeout_reached ? ["[WARNING] EXECUTION TIMED OUT"] : []),
    ...(answer.cancelled ? ["[WARNING] EXECUTION CANCELLED"] : []),
    ...(answer.notice === undefined ? [] : [`[NOTICE] ${answer.notice}`]),
    ...(answer.process_ended || answer.running
      ? []
      : ["[WARNING] THE PROCESS MAY STILL RUN ON THE HOST"]),
  ];
}

/** Says what the structured fields alone do not: that the status is missing, and how to read on. */
function noticeOf(outcome: ExecOutcome): { notice?: string } {
  const notices = [
    ...(outcome.ending === "no_status" ? [NO_STATUS] : []),
    ...(outcome.ending === "running" && outcome.jobId !== undefined
      ? [stillRunning(outcome.jobId, outcome)]
      : []),
    ...(outcome.outputId === undefined ? [] : [readOn(outcome.outputId, outcome)]),
  ];
  return notices.length === 0 ? {} : { notice: notices.join(". ") };
}

function stillRunning(id: string, outcome: ExecOutcome): string {
  const { stdout, stderr, maxRuntimeMs, ...bytes } = outcome;
  const limit = maxRuntimeMs === undefined ? "" : ` of ${maxRuntimeMs / 1000} s`;
  // What is missing in this answer can be read as well.
  const out = stdout.truncated ? bytesBeforeCut(stdout) : bytes.stdoutBytes;
  const err = stderr.truncated ? bytesBeforeCut(stderr) : bytes.stderrBytes;
  const from = out === undefined ? "" : `, from ${out}${err ? ` (stderr: ${err})` : ""}`;
  return `STILL RUNNING as job ${id} until its timeout${limit}: nothing was stopped. Do not run it again; ` +
    `read on with ssh_job_output (job_id ${id}${from}, wait_seconds 45), or stop it with ssh_stop_job`;
}

function readOn(id: string, { stdout, stderr }: ExecOutcome): string {
  const places = [
    ...(stdout.truncated ? [`from ${bytesBeforeCut(stdout)}`] : []),
    ...(stderr.truncated ? [`stream stderr from ${bytesBeforeCut(stderr)}`] : []),
  ];
  return `Read what is missing with ssh_job_output (job_id ${id}, ${
    places.join("; ")
  }), for 15 minutes`;
}

/** Returns the offset at which the missing part begins. */
function bytesBeforeCut({ text, originalLength }: CapturedText): number {
  const end = text.lastIndexOf(` of ${originalLength} characters are missing here]`);
  const start = text.lastIndexOf("\n\n[OUTPUT TRUNCATED", end);
  return Buffer.byteLength(text.slice(0, Math.max(start, 0)));
}

function truncation<Name extends "stdout" | "stderr">(
  name: Name,
  { truncated, originalLength }: CapturedText,
) {
  return truncated
    ? { [`${name}_truncated`]: true, [`${name}_original_length`]: originalLength }
    : {};
}

/** Output schema of the tools that copy files. */
export const transferOutput = z.object({
  success: z.literal(true),
  operation: z.enum(["upload", "download"]).meta({ unlisted: true }),
  local_path: z.string(),
  remote_path: z.string(),
  bytes_transferred: z.number().int(),
  sha256: z.string(),
  verified: z.enum(["sha256", "size"]).describe("Compared with the source"),
  transfer_speed: z.number().int().describe("Bytes/s"),
  permissions: z.string().optional(),
  warnings: z.array(z.string()).optional(),
});

/** The structured answer of the tools that copy files. */
export type TransferAnswer = z.infer<typeof transferOutput>;

/** Builds the structured answer for the outcome of a copy. */
export function transferAnswer(
  operation: "upload" | "download",
  paths: { readonly local_path: string; readonly remote_path: string },
  { bytes, sha256, verified, durationMs, keptMode }: CopyOutcome,
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
    ...modeWarning(keptMode),
  };
}

/** Returns the field that says that the host did not set the mode of a new file. */
export const modeWarning = (keptMode: number | undefined): { warnings?: string[] } =>
  keptMode === undefined ? {} : {
    warnings: [`The mode could not be set: the file has ${keptMode.toString(8).padStart(4, "0")}`],
  };

/** Returns the line that says the size and the time as people do; a small file needs none. */
function summary({ bytes_transferred: bytes, transfer_speed }: TransferAnswer): string[] {
  const seconds = bytes / transfer_speed;
  return bytes < 1000
    ? []
    : [`Summary: ${humanSize(bytes)} in ${seconds.toFixed(seconds < 0.1 ? 3 : 1)} s`];
}

/** Formats the answer as text. */
export function formatTransfer(answer: TransferAnswer, host: HostName): string {
  return [
    `[SUCCESS] File ${answer.operation.toUpperCase()} successful`,
    `Operation: ${answer.operation}`,
    `Local path: ${printable(answer.local_path)}`,
    `Remote path: ${printable(answer.remote_path)}`,
    `Bytes transferred: ${answer.bytes_transferred}`,
    `Transfer speed: ${answer.transfer_speed} bytes/s`,
    ...summary(answer),
    `SHA-256: ${answer.sha256}`,
    `Verified by: ${answer.verified}`,
    "",
    "=== TRANSFER METADATA ===",
    `Host: ${shownHost(host)}`,
    `User: ${host.user}`,
    ...(answer.permissions === undefined ? [] : [`Permissions set: ${answer.permissions}`]),
    ...(answer.warnings ?? []).map((warning) => `Warning: ${warning}`),
  ].join("\n");
}

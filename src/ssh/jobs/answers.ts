import { Buffer } from "node:buffer";
import * as z from "zod";
import { printable } from "../../errors.ts";
import { inUnits } from "../../mcp/words.ts";
import { shareLimit } from "../output.ts";
import type { JobFacts, JobPage, StartedJob, StoppedJob, StreamName } from "./port.ts";

const exitCode = z.number().int().nullable().describe("null: none");
const state = z.string().describe("running, exited, stopped, timed_out or lost");
/** A count whose name says enough. */
const unlistedCount = z.number().int().meta({ unlisted: true });

/** Output of ssh_start_job. */
export const startOutput = z.object({
  job_id: z.string(),
  running: z.boolean().describe("false: it ended already"),
  stdout: z.string().describe("So far"),
  stderr: z.string(),
});

/** Output of ssh_job_output. */
export const readOutput = z.object({
  text: z.string(),
  next: z.number().int(),
  running: z.boolean().describe("More may come"),
  state,
  exit_code: exitCode,
  signal: z.string().nullable().meta({ unlisted: true }),
  stdout_bytes: unlistedCount,
  stderr_bytes: z.number().int(),
  dropped_bytes: unlistedCount,
});

/** Output of ssh_list_jobs, oldest first. */
export const listOutput = z.object({
  jobs: z.array(z.object({
    job_id: z.string(),
    name: z.string().optional(),
    command: z.string().describe("Max 200 characters of it"),
    ctid: z.number().int().optional(),
    vmid: z.number().int().optional(),
    state,
    started_at: z.string(),
    runtime_seconds: z.number().int(),
    exit_code: exitCode,
    signal: z.string().optional(),
    stdout_bytes: unlistedCount,
    stderr_bytes: unlistedCount,
  })),
  omitted: unlistedCount.optional(),
});

/** Output of ssh_stop_job. */
export const stopOutput = z.object({
  success: z.literal(true),
  job_id: z.string(),
  state,
  process_ended: z.boolean().describe("false: it may still run"),
  exit_code: exitCode,
});

type Output<Schema extends z.ZodType> = z.infer<Schema>;

/** Builds the answer for a job that was started. @param maxBytes of both streams together */
export function startAnswer(
  { facts, stdout, stderr }: StartedJob,
  maxBytes: number,
): Output<typeof startOutput> {
  const [outBytes, errBytes] = shareLimit(stdout.length, stderr.length, maxBytes);
  return {
    job_id: facts.id,
    running: facts.state === "running",
    stdout: decoded(stdout.subarray(0, outBytes)).text,
    stderr: decoded(stderr.subarray(0, errBytes)).text,
  };
}

/** Text of {@linkcode startAnswer}. */
export const formatStart = (answer: Output<typeof startOutput>, { facts }: StartedJob): string =>
  [
    [
      `[SUCCESS] Job ${answer.job_id} started`,
      answer.running
        ? `It goes on until it ends, for at most ${seconds(facts.maxRuntimeMs)} s`
        : `It has ended: ${ending(facts)}`,
      `Read its output with ssh_job_output (job_id ${answer.job_id}), stop it with ssh_stop_job`,
    ].join("\n"),
    ...section("stdout", answer.stdout),
    ...section("stderr", answer.stderr),
  ].join("\n\n");

/** Builds the answer for a part of an output. A character that is not complete yet is left for the next one. */
export function readAnswer(
  { bytes, next, facts }: JobPage,
  stream: StreamName,
): Output<typeof readOutput> {
  const total = stream === "stdout" ? facts.stdoutBytes : facts.stderrBytes;
  const isLast = facts.state !== "running" && next >= total;
  const { text, left } = isLast ? { text: decode(bytes), left: 0 } : decoded(bytes);
  return {
    text,
    next: next - left,
    running: facts.state === "running",
    state: facts.state,
    exit_code: facts.exitCode,
    signal: facts.signal,
    stdout_bytes: facts.stdoutBytes,
    stderr_bytes: facts.stderrBytes,
    dropped_bytes: facts.droppedBytes,
  };
}

/** Text of {@linkcode readAnswer}. Facts come first, so that the output cannot forge them. */
export function formatRead(
  answer: Output<typeof readOutput>,
  { facts }: JobPage,
  stream: StreamName,
): string {
  const total = stream === "stdout" ? answer.stdout_bytes : answer.stderr_bytes;
  const { next } = answer;
  const facts_ = [
    `Job ${facts.id}: ${ending(facts)}${limitOf(facts)}`,
    `Command: ${printable(shortened(facts.command))}`,
    `Stored: ${sizes(answer)}` +
    `${stream === "stdout" && answer.stderr_bytes > 0 ? " (stream stderr)" : ""}; ` +
    `dropped ${answer.dropped_bytes} bytes`,
    `Next: from=${next}${next < total ? ` (${total - next} bytes are left)` : ""}`,
  ].join("\n");
  return [facts_, ...section(stream, answer.text)].join("\n\n");
}

/**
 * Builds the list of jobs: all that run, and the newest others that fit.
 *
 * @param jobs oldest first
 * @param maxCharacters of the list as JSON, which is longer than its text
 */
export function listAnswer(
  jobs: readonly JobFacts[],
  maxCharacters: number,
): Output<typeof listOutput> {
  const all = jobs.map(listed);
  const sizeOf = (job: typeof all[number]) => JSON.stringify(job).length;
  const shown = new Set(all.filter(({ state }) => state === "running"));
  let left = maxCharacters;
  for (const job of shown) left -= sizeOf(job);
  for (const job of all.filter((each) => !shown.has(each)).reverse()) {
    left -= sizeOf(job);
    if (left < 0) break;
    shown.add(job);
  }
  const omitted = all.length - shown.size;
  return {
    jobs: all.filter((job) => shown.has(job)),
    ...(omitted === 0 ? {} : { omitted }),
  };
}

const listed = (job: JobFacts): Output<typeof listOutput>["jobs"][number] => ({
  job_id: job.id,
  ...(job.name === undefined ? {} : { name: job.name }),
  command: shortened(job.command),
  ...(job.ctid === undefined ? {} : { ctid: job.ctid }),
  ...(job.vmid === undefined ? {} : { vmid: job.vmid }),
  state: job.state,
  started_at: new Date(job.startedAtMs).toISOString(),
  runtime_seconds: seconds(job.runtimeMs),
  exit_code: job.exitCode,
  ...(job.signal === null ? {} : { signal: job.signal }),
  stdout_bytes: job.stdoutBytes,
  stderr_bytes: job.stderrBytes,
});

/** Text of {@linkcode listAnswer}: two lines per job. */
export function formatList({ jobs, omitted }: Output<typeof listOutput>): string {
  if (jobs.length === 0 && omitted === undefined) return "No jobs";
  const older = omitted === undefined ? [] : [`Older jobs that have ended: ${omitted} omitted`];
  const lines = jobs.map((job) => {
    const where = job.ctid !== undefined
      ? `, container ${job.ctid}`
      : job.vmid !== undefined
      ? `, VM ${job.vmid}`
      : "";
    return `- ${job.job_id}  ${stateText(job.state, job.exit_code, job.signal ?? null)}  ` +
      `started ${job.started_at}, ran ${job.runtime_seconds} s, ` +
      `${sizes(job)}${where}\n` +
      `  ${job.name === undefined ? "" : `${printable(job.name)}: `}${printable(job.command)}`;
  });
  return [...older, ...lines].join("\n");
}

/** Builds the answer for a job that was stopped. */
export const stopAnswer = ({ facts, processEnded }: StoppedJob): Output<typeof stopOutput> => ({
  success: true,
  job_id: facts.id,
  state: facts.state,
  process_ended: processEnded,
  exit_code: facts.exitCode,
});

/** Text of {@linkcode stopAnswer}. */
export const formatStop = (
  answer: Output<typeof stopOutput>,
  { facts }: StoppedJob,
): string =>
  [
    `Job ${answer.job_id}: ${ending(facts)}`,
    answer.process_ended
      ? "All its processes have ended"
      : "[WARNING] THE PROCESS MAY STILL RUN ON THE HOST",
  ].join("\n");

/** How much of the output is stored. */
const sizes = ({ stdout_bytes: stdout, stderr_bytes: stderr }: {
  readonly stdout_bytes: number;
  readonly stderr_bytes: number;
}): string => `stdout ${stdout} bytes${inUnits(stdout)}, stderr ${stderr} bytes${inUnits(stderr)}`;

const ending = ({ state, exitCode, signal, runtimeMs }: JobFacts): string =>
  `${stateText(state, exitCode, signal)}, after ${seconds(runtimeMs)} s`;

/** A call of this server has no limit of its own. */
const limitOf = ({ state, maxRuntimeMs }: JobFacts): string =>
  state === "running" && maxRuntimeMs > 0 ? `; it is stopped at ${seconds(maxRuntimeMs)} s` : "";

const stateText = (state: string, code: number | null, signal: string | null): string =>
  `${state}${code === null ? "" : `, exit code ${code}`}${
    signal === null ? "" : `, signal ${signal}`
  }`;

const section = (stream: StreamName, text: string): string[] =>
  text === "" ? [] : [`=== ${stream.toUpperCase()} ===\n${text}`];

const seconds = (ms: number): number => Math.round(ms / 1000);

/** Max characters of a command in an answer. */
const MAX_COMMAND = 200;

function shortened(command: string): string {
  const characters = Array.from(command);
  return characters.length > MAX_COMMAND
    ? `${characters.slice(0, MAX_COMMAND).join("")}…`
    : command;
}

const decode = (bytes: Uint8Array): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

/** Decodes all but a last character that is not complete; `left` is the length of what there is of it. */
function decoded(bytes: Uint8Array): { readonly text: string; readonly left: number } {
  const left = incomplete(bytes);
  return { text: decode(bytes.subarray(0, bytes.length - left)), left };
}

/** Returns how many bytes at the end are the beginning of a longer character. */
function incomplete(bytes: Uint8Array): number {
  const tail = Buffer.from(bytes.slice(-3));
  for (let length = 1; length <= tail.length; length++) {
    const byte = tail[tail.length - length] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return length < lengthOf(byte) ? length : 0;
  }
  return 0;
}

const lengthOf = (first: number): number =>
  first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 1;

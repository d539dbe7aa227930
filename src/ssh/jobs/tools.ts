import * as z from "zod";
import type { Limits } from "../../config/config.ts";
import {
  commandArgument,
  pathCtidArgument,
  sudoField,
  unlistedSudoField,
  wantsRoot,
} from "../../mcp/arguments.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import {
  formatList,
  formatRead,
  formatStart,
  formatStop,
  listAnswer,
  listOutput,
  readAnswer,
  readOutput,
  startAnswer,
  startOutput,
  stopAnswer,
  stopOutput,
} from "./answers.ts";
import type { JobRequest } from "./port.ts";
import type { JobsService } from "./service.ts";

const DAY_SECONDS = 86_400;
/** Clients abort a call after 60 seconds. */
const MAX_WAIT_SECONDS = 45;
/** A page always has room for a few characters. */
const MIN_CHARACTERS = 100;

/** How a command reaches a container. */
export type ContainerJob = (
  ctid: number,
  command: string,
) => Pick<JobRequest, "command" | "hasStartMark" | "stderrMark" | "sudo">;

/** Returns the tools for long work. @param container undefined when Proxmox is off */
export const jobTools = (
  jobs: JobsService,
  limits: Limits,
  container: ContainerJob | undefined,
  hasSudo = false,
): Tool[] => [
  startTool(jobs, limits, container, hasSudo),
  outputTool(jobs, limits, hasSudo),
  listTool(jobs, limits),
  stopTool(jobs, hasSudo),
];

const jobId = z.string().min(1).max(100).regex(/^[A-Za-z0-9-]+$/, {
  error: "A job_id has letters, digits and dashes; ssh_list_jobs shows them",
});

const startTool = (
  jobs: JobsService,
  { characterLimit }: Limits,
  container: ContainerJob | undefined,
  hasSudo: boolean,
): Tool =>
  defineTool({
    name: "ssh_start_job",
    title: "Start a job",
    description: "Start long work on the host and answer at once. It survives this server.",
    effect: "destroys",
    input: z.strictObject({
      command: commandArgument,
      max_runtime: z.number().int().min(1).max(7 * DAY_SECONDS).default(DAY_SECONDS)
        .describe("Seconds, max 604800"),
      name: z.string().min(1).max(100).optional(),
      ...(container === undefined ? {} : { ctid: pathCtidArgument.describe("Container") }),
      ...sudoField(hasSudo),
      response_format: unlistedFormat,
    }),
    output: startOutput,
    async run({ command, max_runtime, name, ctid, ...more }, { signal }) {
      const started = await jobs.start({
        command,
        shown: command,
        ...(wantsRoot(more) ? { sudo: true } : {}),
        ...(name === undefined ? {} : { name }),
        ...(typeof ctid === "number" ? { ctid, ...container?.(ctid, command) } : {}),
        maxRuntimeMs: max_runtime * 1000,
      }, signal);
      const data = startAnswer(started, characterLimit);
      return { text: formatStart(data, started), data };
    },
  });

const outputTool = (jobs: JobsService, { characterLimit }: Limits, hasSudo: boolean): Tool =>
  defineTool({
    name: "ssh_job_output",
    title: "Read a job",
    description: "Read a job, or an output_id.",
    effect: "reads",
    input: z.strictObject({
      job_id: jobId,
      stream: z.enum(["stdout", "stderr"]).default("stdout"),
      from: z.number().int().min(0).optional().describe("next of the last call"),
      tail_lines: z.number().int().min(1).max(1_000_000).optional(),
      grep: z.string().min(1).max(1_000).refine((text) => !/[\0\n]/.test(text), {
        error: "A pattern is one line without NUL",
      }).optional(),
      max_characters: z.number().int().min(MIN_CHARACTERS).optional(),
      wait_seconds: z.number().int().min(0).max(MAX_WAIT_SECONDS).optional()
        .describe("Wait for more"),
      ...unlistedSudoField(hasSudo),
      response_format: unlistedFormat,
    }),
    output: readOutput,
    async run(args, context) {
      const { stream, from = 0, tail_lines: tailLines, grep, wait_seconds = 0 } = args;
      const page = await jobs.read({
        ...{ id: args.job_id, stream, from },
        // A character has one byte or more.
        maxBytes: Math.min(
          args.max_characters ?? Infinity,
          Math.max(characterLimit, MIN_CHARACTERS),
        ),
        waitMs: wait_seconds * 1000,
        ...(tailLines === undefined ? {} : { tailLines }),
        ...(grep === undefined ? {} : { grep }),
      }, context);
      const data = readAnswer(page, stream);
      return { text: formatRead(data, page, stream), data };
    },
  });

const listTool = (jobs: JobsService, { characterLimit }: Limits): Tool =>
  defineTool({
    name: "ssh_list_jobs",
    title: "List jobs",
    description: "List the jobs, also those that earlier servers started.",
    effect: "reads",
    input: z.strictObject({ response_format: unlistedFormat }),
    output: listOutput,
    async run(_args, { signal }) {
      const data = listAnswer(await jobs.list(signal), characterLimit);
      return { text: formatList(data), data };
    },
  });

const stopTool = (jobs: JobsService, hasSudo: boolean): Tool =>
  defineTool({
    name: "ssh_stop_job",
    title: "Stop a job",
    description: "Stop a job: TERM, then KILL. One that has ended stays as it is.",
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      job_id: jobId,
      // A job belongs to the login, also if root runs its command.
      ...unlistedSudoField(hasSudo),
      response_format: unlistedFormat,
    }),
    output: stopOutput,
    async run({ job_id }, context) {
      const stopped = await jobs.stop(job_id, context);
      const data = stopAnswer(stopped);
      return { text: formatStop(data, stopped), data };
    },
  });

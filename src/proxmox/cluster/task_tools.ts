import * as z from "zod";
import { escaped, printable } from "../../errors.ts";
import { guestArgument } from "../../mcp/arguments.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import { nodeArgument, upidArgument } from "../arguments.ts";
import { defined, isoTime } from "../format.ts";
import type { Task } from "../parsers/tasks.ts";
import type { Tasks } from "./tasks.ts";

const unlisted = { unlisted: true };

const taskOutput = {
  upid: z.string(),
  status: z.string().describe("running, OK, WARNINGS: n, or the error"),
  type: z.string().describe("E.g. vzdump, vzcreate, qmclone"),
  id: z.string().optional().describe("Guest; of a clone the source"),
  user: z.string().optional().meta(unlisted),
  started: z.string().optional().meta(unlisted),
  ended: z.string().optional().meta(unlisted),
};

/** The tools that list the tasks of a node, read their logs and stop them. */
export const taskTools = (tasks: Tasks, characterLimit: number): Tool[] => [
  listTool(tasks),
  logTool(tasks, characterLimit),
  stopTool(tasks),
];

const listTool = (tasks: Tasks): Tool =>
  defineTool({
    name: "proxmox_list_tasks",
    title: "List tasks",
    description:
      "List tasks of Proxmox VE, newest first, also those that somebody started in the web page.",
    effect: "reads",
    input: z.strictObject({
      vmid: guestArgument.optional(),
      state: z.enum(["all", "running", "failed"]).default("all"),
      node: nodeArgument.optional().describe("Cluster node; default: this one"),
      limit: z.number().int().min(1).max(500).default(20),
      response_format: unlistedFormat,
    }),
    output: z.object({ tasks: z.array(z.object(taskOutput)) }),
    async run({ vmid, state, node, limit }, context) {
      const found = await tasks.list({ vmid, state, node, limit }, context);
      const text = found.length === 0 ? "No tasks found" : found.map(formatTask).join("\n");
      return { text, data: { tasks: found.map(shown) } };
    },
  });

const logTool = (tasks: Tasks, characterLimit: number): Tool =>
  defineTool({
    name: "proxmox_task_log",
    title: "Read the log of a task",
    description: "Read the state of one task and the end of its log.",
    effect: "reads",
    input: z.strictObject({
      upid: upidArgument,
      tail_lines: z.number().int().min(1).max(10_000).default(100),
      response_format: unlistedFormat,
    }),
    output: z.object({
      ...taskOutput,
      log: z.string(),
      lines_omitted: z.number().int().optional().describe("Before the log's first line here"),
    }),
    async run({ upid, tail_lines }, context) {
      const found = await tasks.log(upid, tail_lines, context);
      const lines = fitting(found.lines, characterLimit);
      const omitted = found.omitted + found.lines.length - lines.length;
      const data = {
        ...shown(found.task),
        log: lines.join("\n"),
        ...(omitted === 0 ? {} : { lines_omitted: omitted }),
      };
      const text = [
        formatTask(found.task),
        ...(omitted === 0 ? [] : [`(${omitted} lines before these are left out)`]),
        ...lines.map(escaped),
      ];
      return { text: text.join("\n"), data };
    },
  });

const stopTool = (tasks: Tasks): Tool =>
  defineTool({
    name: "proxmox_stop_task",
    title: "Stop a task",
    description: "Stop a running task. Its work is lost; it may leave a guest locked or half made.",
    effect: "destroys",
    input: z.strictObject({ upid: upidArgument, response_format: unlistedFormat }),
    output: z.object({
      success: z.literal(true),
      message: z.string(),
      ...taskOutput,
      lock: z.string().optional().describe("Lock that its guest still has"),
    }),
    async run({ upid }, context) {
      const { task, lock } = await tasks.stop(upid, context);
      const message = `Task ${task.type} stopped`;
      const data = {
        success: true as const,
        message,
        ...shown(task),
        ...(lock === undefined ? {} : { lock }),
      };
      const text = [
        `[SUCCESS] ${printable(message)}`,
        formatTask(task),
        ...(lock === undefined ? [] : [
          `[WARNING] Guest ${task.id} is still locked (${
            printable(lock)
          }): check what the task left, ` +
          "then remove the lock on the host with pct unlock or qm unlock",
        ]),
      ];
      return { text: text.join("\n"), data };
    },
  });

const shown = (task: Task) => {
  const { upid, type, id, user, startedAt, endedAt } = task;
  return defined({
    upid,
    status: statusOf(task),
    type,
    id,
    user,
    started: startedAt === undefined ? undefined : isoTime(startedAt),
    ended: endedAt === undefined ? undefined : isoTime(endedAt),
  });
};

const statusOf = ({ isRunning, result = "unknown" }: Task): string =>
  isRunning ? "running" : result;

function formatTask(task: Task): string {
  const { upid, type, id, user, startedAt, endedAt } = task;
  return [
    startedAt === undefined ? "" : isoTime(startedAt),
    endedAt === undefined ? "" : `to ${isoTime(endedAt)}`,
    type,
    id ?? "",
    user === undefined ? "" : `by ${user}`,
    `${statusOf(task)}  ${upid}`,
  ].filter((part) => part !== "").map(printable).join("  ");
}

/** Returns the last lines that have room; at least one, which may be cut. */
function fitting(lines: readonly string[], characterLimit: number): string[] {
  let room = characterLimit;
  const first = lines.findLastIndex((line) => (room -= line.length + 1) < 0) + 1;
  if (first < lines.length || lines.length === 0) return lines.slice(first);
  return [(lines.at(-1) ?? "").slice(-characterLimit)];
}

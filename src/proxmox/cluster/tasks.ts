import { cancelling } from "../../async/cancelling.ts";
import type { Clock } from "../../async/clock.ts";
import { delay } from "../../async/delay.ts";
import type { RemoteExecError } from "../../errors.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { commandFailed } from "../errors.ts";
import { CHECK_NODE, type HostAnswer, type ProxmoxHost, withoutNoise } from "../host.ts";
import {
  nodeOfTask,
  parseTaskLog,
  parseTasks,
  parseTaskStatus,
  type Task,
} from "../parsers/tasks.ts";
import { findInCluster } from "../problem.ts";
import { nodeUnreachable, taskEnded, taskMissing, taskStillRuns } from "./errors.ts";

const POLL_MS = 500;
/** Proxmox VE gives a task five seconds after TERM and then kills it. */
const STOP_MS = 20_000;

/** Which tasks to list. */
export interface TaskFilter {
  /** A node of the cluster; undefined: the one that HOST names. */
  readonly node: string | undefined;
  readonly vmid: number | undefined;
  readonly state: "all" | "running" | "failed";
  readonly limit: number;
}

/** The end of a task's log. */
export interface TaskLog {
  readonly task: Task;
  readonly lines: readonly string[];
  /** Lines before them. */
  readonly omitted: number;
}

/** A task that was stopped. */
export interface StoppedTask {
  readonly task: Task;
  /** The lock that its guest still has; undefined if there is none. */
  readonly lock?: string;
}

/** Lists tasks, also those that somebody started in the web page, reads their logs and stops them. */
export class Tasks {
  readonly #host: ProxmoxHost;
  readonly #clock: Clock;

  constructor(host: ProxmoxHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  /** Lists tasks, the newest first; running ones included. @throws RemoteExecError */
  async list({ node, vmid, state, limit }: TaskFilter, context: ToolContext): Promise<Task[]> {
    const action = "Listing the tasks";
    const answer = await this.#get(
      `/nodes/${node ?? "localhost"}/tasks`,
      [
        // By default the running ones are missing.
        ...["--source", state === "running" ? "active" : "all", "--limit", String(limit)],
        ...(vmid === undefined ? [] : ["--vmid", String(vmid)]),
        ...(state === "failed" ? ["--errors", "1"] : []),
      ],
      action,
      context,
    );
    if (answer.code !== 0) throw this.#problem(node, action, answer);
    const tasks = parseTasks(answer.stdout);
    return state === "all"
      ? tasks
      : tasks.filter(({ isRunning }) => isRunning === (state === "running"));
  }

  /** Reads the last lines of a task's log and its state. @throws RemoteExecError `not_found` */
  async log(upid: string, tailLines: number, context: ToolContext): Promise<TaskLog> {
    const action = "Reading the log of the task";
    const path = `/nodes/${nodeOfTask(upid)}/tasks/${upid}/log`;
    const [task, answer] = await Promise.all([
      this.#status(upid, context),
      this.#get(path, ["--limit", "0"], action, context),
    ]);
    if (answer.code !== 0) throw this.#problem(nodeOfTask(upid), action, answer, upid);
    const all = parseTaskLog(answer.stdout);
    const lines = all.slice(Math.max(0, all.length - tailLines));
    return { task, lines, omitted: all.length - lines.length };
  }

  /**
   * Stops a running task and waits for its end: Proxmox VE answers the same for a task that had ended.
   *
   * @throws RemoteExecError `not_found`, `invalid_state` if it had ended, `verification_failed` if it still runs
   */
  async stop(upid: string, context: ToolContext): Promise<StoppedTask> {
    const action = "Stopping the task";
    const before = await this.#status(upid, context);
    if (!before.isRunning) throw taskEnded(upid, before.result ?? "unknown");
    const { signal } = context;
    const words = ["pvesh", "delete", `/nodes/${nodeOfTask(upid)}/tasks/${upid}`] as const;
    const call = { signal, progress: undefined, action };
    const answer = await this.#host.run(words, call);
    if (answer.code !== 0) throw this.#problem(nodeOfTask(upid), action, answer, upid);
    const task = await this.#ended(upid, context);
    const guest = /^\d{3,9}$/.test(task.id ?? "")
      ? await findInCluster(this.#host, Number(task.id), signal)
      : undefined;
    return { task, ...(guest?.lock === undefined ? {} : { lock: guest.lock }) };
  }

  async #ended(upid: string, context: ToolContext): Promise<Task> {
    const deadlineMs = this.#clock.elapsed() + STOP_MS;
    for (;;) {
      const task = await this.#status(upid, context);
      if (!task.isRunning) return task;
      if (this.#clock.elapsed() >= deadlineMs) throw taskStillRuns(upid);
      await delay(POLL_MS, { clock: this.#clock, signal: cancelling(context.signal) });
    }
  }

  async #status(upid: string, context: ToolContext): Promise<Task> {
    const action = "Reading the task";
    const node = nodeOfTask(upid);
    const answer = await this.#get(`/nodes/${node}/tasks/${upid}/status`, [], action, context);
    if (answer.code !== 0) throw this.#problem(node, action, answer, upid);
    return parseTaskStatus(answer.stdout);
  }

  async #get(
    path: string,
    options: readonly string[],
    action: string,
    { signal }: ToolContext,
  ): Promise<HostAnswer> {
    return await this.#host.get(path, options, { signal, progress: undefined, action });
  }

  #problem(
    node: string | undefined,
    action: string,
    { stderr }: HostAnswer,
    upid?: string,
  ): RemoteExecError {
    const found = withoutNoise(stderr);
    if (upid !== undefined && /^upid: (?:no such task|unable to parse)/m.test(found)) {
      return taskMissing(upid);
    }
    // A path of another node is answered by that node, over its own ssh.
    if (
      node !== undefined && /^(?:hostname lookup|proxy handler failed|ssh: connect)/m.test(found)
    ) {
      return nodeUnreachable(node, found);
    }
    return commandFailed(action, found, CHECK_NODE);
  }
}

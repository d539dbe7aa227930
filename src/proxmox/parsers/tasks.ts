import * as z from "zod";
import { unreadable } from "../errors.ts";
import { firstMatch } from "./json_output.ts";
import { parseList, text, time } from "./pvesh.ts";

/**
 * The form of a task's ID; one that a path of the API cannot contain is left out.
 *
 * Source: pve-common f665029 src/PVE/UPID.pm:18-44.
 */
const UPID =
  /^UPID:([A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?):[0-9A-Fa-f]{8}:[0-9A-Fa-f]{8,9}:[0-9A-Fa-f]{8}:[^:\s/]+:[^:\s/]*:[^:\s/]+:$/;

export const isUpid = (text: string): boolean => UPID.test(text);

/** Returns the node that the task runs on. */
export const nodeOfTask = (upid: string): string => UPID.exec(upid)?.[1] ?? "localhost";

const task = z.object({
  upid: z.string(),
  node: text,
  type: text,
  id: text,
  user: text,
  starttime: time,
  endtime: time,
  status: text,
});

/** One task of Proxmox VE. */
export interface Task {
  readonly upid: string;
  /** For example `vzdump`, `vzstart`, `qmclone`. */
  readonly type: string;
  /** The guest or storage; for a clone the source. Undefined for a task of several. */
  readonly id?: string;
  readonly user?: string;
  /** Seconds since 1970. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly isRunning: boolean;
  /** `OK`, `WARNINGS: 1` or the error; undefined while it runs. */
  readonly result?: string;
}

/** Parses `pvesh get /nodes/N/tasks`, the newest first. */
export const parseTasks = (stdout: string): Task[] =>
  parseList(task, stdout).map(({ upid, type = "unknown", id, user, ...rest }) => {
    const { starttime, endtime, status } = rest;
    const isRunning = status === "RUNNING" || (status === undefined && endtime === undefined);
    return {
      ...facts({ upid, type, id, user, starttime }),
      ...(endtime === undefined ? {} : { endedAt: endtime }),
      isRunning,
      ...(isRunning ? {} : { result: status ?? "unknown" }),
    };
  });

const taskStatus = z.object({
  upid: z.string(),
  type: text,
  id: text,
  user: text,
  starttime: time,
  status: z.enum(["running", "stopped"]),
  exitstatus: text,
});

/**
 * Parses `pvesh get /nodes/N/tasks/UPID/status`.
 *
 * @throws RemoteExecError `internal` if it is not the expected JSON
 */
export function parseTaskStatus(stdout: string): Task {
  const found = firstMatch(taskStatus, stdout);
  if (found === undefined) throw unreadable("pvesh", stdout.slice(0, 100));
  const { upid, type = "unknown", id, user, starttime, status, exitstatus } = found;
  const isRunning = status === "running";
  return {
    ...facts({ upid, type, id, user, starttime }),
    isRunning,
    ...(isRunning ? {} : { result: exitstatus ?? "unknown" }),
  };
}

const facts = ({ upid, type, id, user, starttime }: {
  readonly upid: string;
  readonly type: string;
  readonly id: string | undefined;
  readonly user: string | undefined;
  readonly starttime: number | undefined;
}) => ({
  upid,
  type,
  ...(id === undefined || id === "" ? {} : { id }),
  ...(user === undefined ? {} : { user }),
  ...(starttime === undefined ? {} : { startedAt: starttime }),
});

const line = z.object({ n: z.number(), t: z.string().catch("") });

/** Parses `pvesh get /nodes/N/tasks/UPID/log`. An empty log is one line, `no content`. */
export function parseTaskLog(stdout: string): string[] {
  const lines = parseList(line, stdout).sort((a, b) => a.n - b.n).map(({ t }) => t);
  return lines.length === 1 && lines[0] === "no content" ? [] : lines;
}

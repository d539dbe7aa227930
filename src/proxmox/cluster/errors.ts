import { oneLine, RemoteExecError } from "../../errors.ts";

export const taskMissing = (upid: string) =>
  new RemoteExecError(
    "not_found",
    `Task not found: ${oneLine(upid)}`,
    "Use proxmox_list_tasks to see the tasks; old ones are removed",
  );

export const taskEnded = (upid: string, result: string) =>
  new RemoteExecError(
    "invalid_state",
    `The task has already ended (${oneLine(result)}): ${oneLine(upid)}`,
    "Read its log with proxmox_task_log",
  );

export const taskStillRuns = (upid: string) =>
  new RemoteExecError(
    "verification_failed",
    `The task was told to stop, but it still runs: ${oneLine(upid)}`,
    "Read its log with proxmox_task_log: a process that waits for a disk cannot be stopped",
  );

/** Another node of the cluster, which Proxmox VE reaches over SSH of its own. */
export const nodeUnreachable = (node: string, found: string) =>
  new RemoteExecError(
    "unreachable",
    `The cluster node "${node}" cannot be asked: ${oneLine(found)}`,
    "Check the name and whether the node is online with proxmox_node_status",
  );

import { oneLine, RemoteExecError } from "../../errors.ts";
import { type Guest, guestInText, guestName, programOf } from "../guests/guest.ts";

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

export const nodeMissing = (node: string, known: readonly string[]) =>
  new RemoteExecError(
    "not_found",
    `The cluster has no node "${node}"`,
    `Choose one of its nodes: ${known.join(", ")}`,
  );

export const nodeOffline = (node: string) =>
  new RemoteExecError(
    "invalid_state",
    `The node "${node}" is offline`,
    "Start the node, or choose another one; proxmox_node_status shows them",
  );

export const alreadyThere = (guest: Guest, node: string) =>
  new RemoteExecError(
    "invalid_state",
    `${guestName(guest)} is already on the node "${node}"`,
    "Choose another node; proxmox_node_status shows them",
  );

/** A running guest moves only on request. */
export const mustMoveRunning = (guest: Guest) =>
  new RemoteExecError(
    "invalid_state",
    `${guestName(guest)} is running`,
    guest.kind === "container"
      ? "Set restart to shut it down and start it again there, or shut it down first"
      : "Set online to move it while it runs, or shut it down first",
  );

/** The command succeeded, but the cluster says something else. */
export const notMoved = (
  guest: Guest,
  action: string,
  node: string | undefined,
  lock: string | undefined,
) =>
  new RemoteExecError(
    "verification_failed",
    `${action} was reported as done, but ${guestInText(guest)} is ${placeOf(node, lock)}`,
    "Read the task log with proxmox_list_tasks and proxmox_task_log",
  );

/** A migration that failed, and where that left the guest. */
export const migrationFailed = ({ guest, action, reason, target, node, lock, known }: {
  readonly guest: Guest;
  readonly action: string;
  readonly reason: string;
  readonly target: string;
  readonly node: string | undefined;
  readonly lock: string | undefined;
  /** What the reason means. */
  readonly known: RemoteExecError | undefined;
}) =>
  new RemoteExecError(
    known?.code ?? "io_error",
    `${action} failed: ${oneLine(reason)}; ${guestInText(guest)} is ${placeOf(node, lock)}`,
    lock !== undefined
      ? `Wait until the ${lock} has ended; if no such task is running, remove the lock on its node: ` +
        `${programOf(guest)} unlock ${guest.id}`
      : node === target
      ? `Look at the guest on ${target}: it was moved, but not started`
      : known?.code === "disk_full"
      ? known.suggestion
      : "Read the task log with proxmox_list_tasks and proxmox_task_log",
  );

const placeOf = (node: string | undefined, lock: string | undefined): string =>
  `${node === undefined ? "on an unknown node" : `on ${node}`}${
    lock === undefined ? "" : ` and locked (${lock})`
  }`;

import { RemoteExecError } from "../../errors.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { otherState } from "../errors.ts";
import {
  type HostAnswer,
  isRunning,
  type ProxmoxHost,
  type RunningTask,
  type TaskCall,
} from "../host.ts";
import type { Look } from "../look.ts";
import { parseHaRequest } from "../parsers/pct.ts";
import { parseSnapshots, type Snapshots } from "../parsers/pvesh.ts";
import { explain, readBack } from "../problem.ts";
import { leftLocked, rolledBackNotStarted, snapshotIncomplete } from "./errors.ts";
import { type Guest, KINDS, programOf } from "./guest.ts";
import type { Guests } from "./guests.ts";

/** An existing snapshot, and how long the task may take. */
export interface SnapshotOrder {
  readonly snapshot: string;
  readonly timeoutMs: number;
}

/** A snapshot to make. */
export interface NewSnapshot extends SnapshotOrder {
  readonly description: string | undefined;
  /** Proxmox VE ignores it for a stopped VM, which has no RAM. */
  readonly includesRam?: boolean;
}

/** A guest that was rolled back. */
export interface RolledBack {
  readonly status: string;
  /** HA was asked to start it, and may do so later. */
  readonly byHa: boolean;
}

/**
 * Lists, creates and deletes snapshots, and rolls back to them. Works for both kinds. Every result is read back,
 * unless the task takes long and goes on as a job.
 *
 * Source: pve-guest-common 4a8f6cb src/PVE/AbstractConfig.pm:730-1214; qemu-server e6352be
 * src/PVE/API2/Qemu.pm:6077-6510, src/PVE/QemuConfig.pm:214-560.
 */
export class GuestSnapshots {
  readonly #host: ProxmoxHost;
  readonly #guests: Guests;

  constructor(host: ProxmoxHost, guests: Guests) {
    this.#host = host;
    this.#guests = guests;
  }

  /** Lists the snapshots, oldest first. @throws RemoteExecError */
  async list(guest: Guest, context: ToolContext): Promise<Snapshots> {
    const action = "Listing the snapshots";
    const path = `/nodes/localhost/${KINDS[guest.kind].apiType}/${guest.id}/snapshot`;
    const answer = await this.#host.get(path, [], { ...context, action });
    if (answer.code === 0) return parseSnapshots(answer.stdout);
    throw await explain(this.#host, guest, action, answer, context);
  }

  /**
   * Creates a snapshot.
   *
   * @returns whether it includes the RAM, as read back
   * @throws RemoteExecError `already_exists`, `unsupported` and others
   */
  async create(
    guest: Guest,
    { snapshot, description, includesRam = false, timeoutMs }: NewSnapshot,
    context: ToolContext,
  ): Promise<{ readonly includesRam: boolean } | RunningTask> {
    const action = `Creating the snapshot "${snapshot}"`;
    const options = [
      // With `=` a description may begin with a dash.
      ...(description === undefined ? [] : [`--description=${description}`]),
      ...(includesRam ? ["--vmstate=1"] : []),
    ];
    const look = configLook(guest, { line: `parent: ${snapshot}` });
    const call = { ...context, action, timeoutMs, look };
    const answer = await this.#run(guest, ["snapshot", snapshot, ...options], call);
    if (isRunning(answer)) return answer;
    if (answer.code !== 0) throw await this.#problem(guest, action, answer, context);
    const made = await readBack(action, this.#find(guest, snapshot, context));
    if (made === undefined) throw otherState(guest, action, "without it");
    if (made.state !== undefined) throw otherState(guest, action, "with an unfinished one");
    return { includesRam: made.includesRam === true };
  }

  /**
   * Restores disks and configuration. A running guest is killed first. It runs again only if the snapshot includes
   * the RAM, or with `start`.
   *
   * @throws RemoteExecError `verification_failed` also if it was rolled back and did not start
   */
  async rollback(
    guest: Guest,
    { snapshot, start = false, timeoutMs }: SnapshotOrder & { readonly start?: boolean },
    context: ToolContext,
  ): Promise<RolledBack | RunningTask> {
    const action = `Rolling back to the snapshot "${snapshot}"`;
    const words = ["rollback", snapshot, ...(start ? ["--start=1"] : [])];
    const line = start ? "status: running" : `parent: ${snapshot}`;
    const look = configLook(guest, { line, without: "lock: rollback" });
    const answer = await this.#run(guest, words, { ...context, action, timeoutMs, look });
    if (isRunning(answer)) return answer;
    // The disks are restored and the lock is removed before the guest is started.
    const failedStart = START_FAILED.exec(answer.code === 0 ? answer.stdout : answer.stderr)?.[1];
    if (answer.code !== 0 && failedStart === undefined) {
      throw isIncomplete(answer)
        ? snapshotIncomplete(guest, snapshot)
        : await this.#problem(guest, action, answer, context);
    }
    const { parent } = await readBack(action, this.list(guest, context));
    if (parent !== snapshot) {
      throw otherState(guest, action, `based on ${parent ?? "no snapshot"}`);
    }
    const { lock } = (await readBack(action, this.#guests.config(guest, context))).options;
    if (lock === "rollback") throw otherState(guest, action, "still locked (rollback)");
    const status = await readBack(action, this.#guests.status(guest, context));
    const byHa = parseHaRequest(answer.stdout) !== undefined;
    const isStopped = status === "stopped" && !byHa;
    if (isStopped && (start || failedStart !== undefined)) {
      throw rolledBackNotStarted(guest, snapshot, failedStart ?? "");
    }
    return { status, byHa };
  }

  /** Deletes a snapshot. @throws RemoteExecError `not_found` and others */
  async remove(
    guest: Guest,
    { snapshot, timeoutMs }: SnapshotOrder,
    context: ToolContext,
  ): Promise<RunningTask | undefined> {
    const action = `Deleting the snapshot "${snapshot}"`;
    const look = namesLook(guest, { without: snapshot });
    const call = { ...context, action, timeoutMs, look };
    const answer = await this.#run(guest, ["delsnapshot", snapshot], call);
    if (isRunning(answer)) return answer;
    if (answer.code !== 0) throw await this.#problem(guest, action, answer, context);
    const left = await readBack(action, this.#find(guest, snapshot, context));
    if (left !== undefined) throw otherState(guest, action, "still with it");
    return undefined;
  }

  async #run(
    guest: Guest,
    [verb, ...more]: readonly string[],
    call: TaskCall,
  ): Promise<HostAnswer | RunningTask> {
    const words = [verb ?? "", String(guest.id), ...more];
    return await this.#host.longTask([programOf(guest), ...words], call);
  }

  /** A task that fails after it has taken the guest's lock may leave the guest locked. */
  async #problem(
    guest: Guest,
    action: string,
    answer: HostAnswer,
    context: ToolContext,
  ): Promise<RemoteExecError> {
    const problem = await explain(this.#host, guest, action, answer, context);
    if (!["io_error", "disk_full"].includes(problem.code)) return problem;
    const lock = await this.#lockOf(guest, context);
    return lock === undefined ? problem : leftLocked(problem, guest, lock);
  }

  /** Returns the lock; undefined also if it cannot be read. */
  async #lockOf(guest: Guest, context: ToolContext): Promise<string | undefined> {
    try {
      return (await this.#guests.config(guest, context)).options.lock;
    } catch (error) {
      if (error instanceof RemoteExecError) return undefined;
      throw error;
    }
  }

  async #find(guest: Guest, snapshot: string, context: ToolContext) {
    const { snapshots } = await this.list(guest, context);
    return snapshots.find(({ name }) => name === snapshot);
  }
}

/** Shows the configuration and the state. */
const configLook = (guest: Guest, expected: Omit<Look, "words">): Look => ({
  words: ["sh", "-c", '"$1" config "$2" && "$1" status "$2"', "sh", ...subject(guest)],
  ...expected,
});

/** Shows the names of the snapshots, one on each line: the second column of the tree. */
const namesLook = (guest: Guest, expected: Omit<Look, "words">): Look => ({
  words: ["sh", "-c", NAMES, "sh", ...subject(guest)],
  ...expected,
});

const NAMES = `tree=$("$1" listsnapshot "$2") && printf '%s\\n' "$tree" | awk '{ print $2 }'`;

const subject = (guest: Guest) => [programOf(guest), String(guest.id)];

/** Printed to stderr if the RAM could not be loaded; to stdout if `--start` failed, and then the exit code is 0. */
const START_FAILED = /^start failed: (.*)/m;

const isIncomplete = ({ stderr }: HostAnswer): boolean =>
  /^unable to rollback to incomplete snapshot/m.test(stderr);

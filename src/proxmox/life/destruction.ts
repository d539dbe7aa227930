import { RemoteExecError } from "../../errors.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import type { Storages } from "../cluster/storages.ts";
import type { Guests } from "../guests/guests.ts";
import { type Guest, guestInText, programOf } from "../guests/guest.ts";
import { isRunning, type ProxmoxHost, type RunningTask, withoutNoise } from "../host.ts";
import { parseWarnings } from "../parsers/pct.ts";
import { parseGuestJobs } from "../parsers/pvesh.ts";
import { findInCluster, readBack } from "../problem.ts";
import { checkDestruction } from "./checks.ts";
import { destroyFailed, linkedClones, otherResult, replicated } from "./errors.ts";
import type { GuestMaker } from "./maker.ts";

/** What to destroy. */
export interface DestructionOrder {
  readonly guest: Guest;
  /** Must be the guest's name. */
  readonly confirmName: string;
  /** Also remove replication, backup jobs and HA resources. */
  readonly purge: boolean;
  readonly timeoutMs: number;
}

/** A guest that is gone. */
export interface Destroyed {
  /** What Proxmox VE keeps of it: backups, jobs, disks that no configuration named. */
  readonly left: readonly string[];
  readonly warnings: readonly string[];
}

/** Destroys guests. */
export class Destruction {
  readonly #host: ProxmoxHost;
  readonly #guests: Guests;
  readonly #storages: Storages;
  readonly #maker: GuestMaker;

  constructor(
    host: ProxmoxHost,
    parts: { readonly guests: Guests; readonly storages: Storages; readonly maker: GuestMaker },
  ) {
    this.#host = host;
    this.#guests = parts.guests;
    this.#storages = parts.storages;
    this.#maker = parts.maker;
  }

  /** Destroys a stopped guest. @throws RemoteExecError, which names what is left if it failed half way */
  async destroy(
    { guest, confirmName, purge, timeoutMs }: DestructionOrder,
    context: ToolContext,
  ): Promise<Destroyed | RunningTask> {
    const parts = { host: this.#host, guests: this.#guests };
    await checkDestruction(parts, guest, confirmName, context);
    const action = `Destroying ${guestInText(guest)}`;
    const options = purge ? ["--purge", "1"] : [];
    const answer = await this.#host.longTask(
      [programOf(guest), "destroy", String(guest.id), ...options],
      { ...context, action, timeoutMs },
    );
    if (isRunning(answer)) return answer;
    if (answer.code !== 0) {
      throw await this.#problem(guest, withoutNoise(answer.stderr), context);
    }
    const found = await readBack(action, findInCluster(this.#host, guest.id, context.signal));
    if (found !== undefined) throw otherResult(action, "it still exists");
    const left = await readBack(action, this.#left(guest, context));
    return { left, warnings: parseWarnings(answer.stdout) };
  }

  async #problem(guest: Guest, found: string, context: ToolContext): Promise<RemoteExecError> {
    if (/replication job|used in HA resources/.test(found)) return replicated(guest);
    if (/still in use by linked clone/.test(found)) return linkedClones(guest);
    return destroyFailed(guest, found, await this.#maker.leftovers(guest, context));
  }

  /** What cannot be read is left out: the guest itself is gone. */
  async #left(guest: Guest, context: ToolContext): Promise<string[]> {
    const [backups, volumes, jobs, replication] = await Promise.all([
      this.#backups(guest, context),
      this.#maker.volumes(guest, context).catch(() => []),
      this.#jobs(guest, "/cluster/backup", context),
      this.#jobs(guest, "/cluster/replication", context),
    ]);
    return [
      ...backups.map((volid) => `backup ${volid}`),
      ...volumes.map((volid) => `disk ${volid} (free it with: pvesm free ${volid})`),
      ...jobs.map((id) => `entry in the backup job ${id}`),
      ...replication.map((id) => `replication job ${id}`),
    ];
  }

  async #backups({ id }: Guest, context: ToolContext): Promise<string[]> {
    try {
      const storages = await this.#storages.list("backup", context);
      const lists = await Promise.allSettled(
        storages.filter(({ isActive }) => isActive)
          .map(({ name }) => this.#storages.content(name, { kind: "backup", vmid: id }, context)),
      );
      return lists.flatMap((list) => list.status === "fulfilled" ? list.value : [])
        .map(({ volid }) => volid);
    } catch (error) {
      if (error instanceof RemoteExecError) return [];
      throw error;
    }
  }

  async #jobs({ id }: Guest, path: string, { signal }: ToolContext): Promise<string[]> {
    const action = "Reading the jobs";
    const { code, stdout } = await this.#host.get(path, [], {
      signal,
      progress: undefined,
      action,
    });
    return code === 0 ? parseGuestJobs(stdout, id) : [];
  }
}

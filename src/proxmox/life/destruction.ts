import type { RemoteExecError } from "../../errors.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import type { Storages } from "../cluster/storages.ts";
import type { Guests } from "../guests/guests.ts";
import { type Guest, guestInText, programOf } from "../guests/guest.ts";
import { isRunning, outputOf, type ProxmoxHost, type RunningTask, withoutNoise } from "../host.ts";
import { parseWarnings } from "../parsers/pct.ts";
import { parseGuestJobs } from "../parsers/pvesh.ts";
import { errorOfPart, isInCluster, readBack } from "../problem.ts";
import { checkDestruction } from "./checks.ts";
import { destroyFailed, guestChanged, linkedClones, otherResult, replicated } from "./errors.ts";
import { wordsOf } from "./host_input.ts";
import type { GuestMaker } from "./maker.ts";
import { NOT_SAME } from "./same_guest.ts";

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
    const { guard } = await checkDestruction(parts, guest, confirmName, context);
    const action = `Destroying ${guestInText(guest)}`;
    const options = purge ? ["--purge", "1"] : [];
    const words = [programOf(guest), "destroy", String(guest.id), ...options] as const;
    const guarded = await wordsOf(this.#host, { words, guard }, context.signal);
    const call = { ...context, action, timeoutMs, program: words[0], shown: words.join(" ") };
    const answer = await this.#host.longTask(guarded, call);
    if (isRunning(answer)) return answer;
    if (answer.code !== 0) {
      throw await this.#problem(guest, withoutNoise(answer.stderr), context);
    }
    const exists = await readBack(action, isInCluster(this.#host, guest.id, context.signal));
    if (exists) throw otherResult(action, "it still exists");
    const { left, warnings } = await readBack(action, this.#left(guest, context));
    return { left, warnings: [...parseWarnings(answer.stdout), ...warnings] };
  }

  async #problem(guest: Guest, found: string, context: ToolContext): Promise<RemoteExecError> {
    if (found.includes(NOT_SAME)) return guestChanged(guest);
    if (/replication job|used in HA resources/.test(found)) return replicated(guest);
    if (/still in use by linked clone/.test(found)) return linkedClones(guest);
    return destroyFailed(guest, found, await this.#maker.leftovers(guest, context));
  }

  /** What cannot be read becomes a warning: the guest itself is gone. */
  async #left(guest: Guest, context: ToolContext): Promise<Destroyed> {
    const warnings: string[] = [];
    const unread = (what: string) => (error: unknown): string[] => {
      warnings.push(`${what} may be left: ${errorOfPart(error).message}`);
      return [];
    };
    const [backups, volumes, jobs, replication] = await Promise.all([
      this.#backups(guest, unread, context).catch(unread("Backups")),
      this.#maker.volumes(guest, context).catch(unread("Disks")),
      this.#jobs(guest, "/cluster/backup", context).catch(unread("Entries in backup jobs")),
      this.#jobs(guest, "/cluster/replication", context).catch(unread("Replication jobs")),
    ]);
    const left = [
      ...backups.map((volid) => `backup ${volid}`),
      ...volumes.map((volid) => `disk ${volid} (free it with: pvesm free ${volid})`),
      ...jobs.map((id) => `entry in the backup job ${id}`),
      ...replication.map((id) => `replication job ${id}`),
    ];
    return { left, warnings };
  }

  async #backups(
    { id }: Guest,
    unread: (what: string) => (error: unknown) => string[],
    context: ToolContext,
  ): Promise<string[]> {
    const storages = await this.#storages.list("backup", context);
    const volids = async (name: string) =>
      (await this.#storages.content(name, { kind: "backup", vmid: id }, context))
        .map(({ volid }) => volid);
    const lists = await Promise.all(
      storages.filter(({ isActive }) => isActive)
        .map(({ name }) => volids(name).catch(unread(`Backups on ${name}`))),
    );
    return lists.flat();
  }

  async #jobs({ id }: Guest, path: string, { signal }: ToolContext): Promise<string[]> {
    const action = "Reading the jobs";
    const answer = await this.#host.get(path, [], { signal, progress: undefined, action });
    return parseGuestJobs(outputOf(answer, action), id);
  }
}

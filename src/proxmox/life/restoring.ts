import type { ToolContext } from "../../mcp/tool.ts";
import type { Guests } from "../guests/guests.ts";
import { container, type Guest, guestInText, KINDS, vm } from "../guests/guest.ts";
import { isRunning, type ProxmoxHost } from "../host.ts";
import { findInCluster } from "../problem.ts";
import { checkDestruction } from "./checks.ts";
import { copiedNotes } from "./copied.ts";
import { needsOverwrite, notABackup, otherKind } from "./errors.ts";
import type { GuestInTheMaking, GuestMaker, MadeGuest } from "./maker.ts";

/** A backup to be restored. */
export interface RestoreOrder {
  /** Volume ID. */
  readonly backup: string;
  readonly ctid: number | undefined;
  readonly vmid: number | undefined;
  readonly storage: string | undefined;
  readonly overwrite: boolean;
  readonly confirmName: string | undefined;
  readonly timeoutMs: number;
}

/** Restores backups. */
export class Restoring {
  readonly #host: ProxmoxHost;
  readonly #guests: Guests;
  readonly #maker: GuestMaker;

  constructor(host: ProxmoxHost, guests: Guests, maker: GuestMaker) {
    this.#host = host;
    this.#guests = guests;
    this.#maker = maker;
  }

  /**
   * Restores into a new guest, or over one whose name is confirmed. The MAC addresses are new ones while the
   * original guest exists. Nothing is started.
   *
   * @throws RemoteExecError
   */
  async restore(order: RestoreOrder, context: ToolContext): Promise<MadeGuest | GuestInTheMaking> {
    const origin = originOf(order.backup);
    if (origin === undefined) throw notABackup(order.backup);
    const id = idFor(origin, order);
    const target = order.overwrite ? await this.#confirmed(origin, id, order, context) : undefined;
    const storage = order.storage ?? target?.storage ??
      (origin.kind === "container"
        ? await this.#maker.storageFor("container", context)
        : undefined);
    const isCopy = id !== origin.id &&
      await findInCluster(this.#host, origin.id, context.signal) !== undefined;
    const made = await this.#maker.make({
      kind: origin.kind,
      id,
      overwrites: order.overwrite,
      action: (guest) => `Restoring ${guestInText(guest)}`,
      command: (id) => ({
        words: commandOf(origin, id, order, { storage, isCopy }),
        ...(target === undefined ? {} : { guard: target.guard }),
      }),
      start: false,
      timeoutMs: order.timeoutMs,
    }, context);
    if (isRunning(made) || !isCopy) return made;
    const notes = copiedNotes(origin, made.config, { clone: false });
    return { ...made, warnings: [...made.warnings, ...notes] };
  }

  /** @returns the storage of the container that is replaced, and the shell text that guards the guest until then */
  async #confirmed(
    { kind }: Guest,
    id: number | undefined,
    { confirmName }: RestoreOrder,
    context: ToolContext,
  ): Promise<{ readonly storage: string | undefined; readonly guard: string }> {
    if (id === undefined || confirmName === undefined) throw needsOverwrite();
    const parts = { host: this.#host, guests: this.#guests };
    const guest = { kind, id };
    const { config, guard } = await checkDestruction(parts, guest, confirmName, context);
    return { storage: kind === "container" ? config.rootfs?.split(":")[0] : undefined, guard };
  }
}

/** Names of vzdump and of a backup server: `vzdump-lxc-101-…`, `ct/101/…`. */
function originOf(backup: string): Guest | undefined {
  const [, kind, id] = /\/vzdump-(lxc|qemu)-(\d{3,9})-/.exec(backup) ?? [];
  if (id !== undefined) return kind === "lxc" ? container(Number(id)) : vm(Number(id));
  const [, type, number] = /:backup\/(ct|vm)\/(\d{3,9})\//.exec(backup) ?? [];
  if (number === undefined) return undefined;
  return type === "ct" ? container(Number(number)) : vm(Number(number));
}

/** @throws RemoteExecError if the ID was given as that of the other kind */
function idFor({ kind }: Guest, { ctid, vmid }: RestoreOrder): number | undefined {
  const other = kind === "container" ? vmid : ctid;
  if (other !== undefined) throw otherKind(KINDS[kind].noun, KINDS[kind].argument);
  return kind === "container" ? ctid : vmid;
}

function commandOf(
  { kind }: Guest,
  id: number,
  { backup, overwrite }: RestoreOrder,
  { storage, isCopy }: { readonly storage: string | undefined; readonly isCopy: boolean },
): [string, ...string[]] {
  const options = [
    ...(storage === undefined ? [] : [`--storage=${storage}`]),
    ...(overwrite ? ["--force=1"] : []),
    ...(isCopy ? ["--unique=1"] : []),
  ];
  return kind === "container"
    ? ["pct", "restore", String(id), backup, ...options]
    : ["qmrestore", backup, String(id), ...options];
}

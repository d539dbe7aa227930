import { oneLine, RemoteExecError } from "../../errors.ts";
import { READ_TASK_LOG } from "../errors.ts";
import { type Guest, guestInText, guestName, programOf } from "../guests/guest.ts";

/** The ID belongs to a guest, maybe since a moment. */
export const idTaken = (id: number) =>
  new RemoteExecError(
    "already_exists",
    `The ID ${id} is taken by another guest`,
    "Leave the ID out: the next free one is then used",
  );

/** No storage of the node may hold the disks. */
export const noStorage = (kind: "rootdir" | "images") =>
  new RemoteExecError(
    "invalid_state",
    `The node has no active storage for ${kind === "rootdir" ? "containers" : "disks of VMs"}`,
    "Check the storages of the node with `pvesm status` (ssh_exec_command)",
  );

/** The name that was to be repeated is another one. It is not told, because it must come from a look at the guest. */
export const nameNotConfirmed = (guest: Guest) =>
  new RemoteExecError(
    "invalid_argument",
    `confirm_name is not the name of ${guestInText(guest)}: nothing was changed`,
    `Read its name with proxmox_list_${guest.kind}s and make sure that it is the guest you mean`,
  );

/** Somebody else changed it between the check and the command, which takes no digest. */
export const guestChanged = (guest: Guest) =>
  new RemoteExecError(
    "changed",
    `${
      guestName(guest)
    } was changed or replaced after its name was confirmed: nothing was destroyed`,
    `Read it with proxmox_${guest.kind}_config and make sure that it still is the guest you mean`,
  );

export const notABackup = (backup: string) =>
  new RemoteExecError(
    "invalid_argument",
    `"${oneLine(backup)}" is not the name of a backup of a container or VM`,
    "Use the volid of proxmox_list_backups",
  );

export const otherKind = (noun: string, argument: string) =>
  new RemoteExecError(
    "invalid_argument",
    `This is the backup of a ${noun}`,
    `Use ${argument} for the ID of the restored guest`,
  );

export const needsOverwrite = () =>
  new RemoteExecError(
    "invalid_argument",
    "overwrite needs the ID of the guest that is replaced, and its name as confirm_name",
    "Pass both, or leave overwrite out to restore into a new guest",
  );

export const replicated = (guest: Guest) =>
  new RemoteExecError(
    "invalid_state",
    `${guestName(guest)} has replication jobs or is an HA resource`,
    "Set purge=true to remove these together with the guest",
  );

export const linkedClones = (guest: Guest) =>
  new RemoteExecError(
    "invalid_state",
    `${guestName(guest)} is a template whose disks are used by linked clones`,
    "Destroy the linked clones first",
  );

export const destroyFailed = (guest: Guest, found: string, left: Leftovers | undefined) =>
  new RemoteExecError(
    "io_error",
    `Destroying ${guestInText(guest)} failed: ${oneLine(found)}; left: ` +
      (left === undefined
        ? "not known, it could not be read"
        : [...(left.lock === undefined ? [] : ["its configuration"]), ...left.volumes].join(", ") ||
          "nothing"),
    `${READ_TASK_LOG}. Disks that are gone cannot be brought back`,
  );

export const isProtected = (guest: Guest) =>
  new RemoteExecError(
    "not_permitted",
    `${guestName(guest)} is protected: its protection is on`,
    `Ask the user; then turn it off with: ${programOf(guest)} set ${guest.id} --protection 0`,
  );

/** The new disks are made, then the old ones removed, then the archive is unpacked: a stop may come between. */
export const overwriteFailed = (
  guest: Guest,
  error: RemoteExecError,
  left: Leftovers | undefined,
) => {
  if (left === undefined) return leftUnknown(error);
  const { code, message, suggestion } = error;
  const { lock, volumes } = left;
  const name = guestInText(guest);
  const isGone = lock === undefined && volumes.length === 0;
  const disks = volumes.join(", ");
  const state = isGone
    ? `nothing is left of ${name}: its old disks were removed first`
    : lock === undefined
    ? `${name} has no configuration any more, but disks: ${disks}`
    : lock === ""
    ? `${name} still has a configuration${
      disks === "" ? ", but no disks" : ` and the disks ${disks}`
    }`
    : `${name} is half restored: locked (${lock}), with ${
      disks === "" ? "no disks" : `the disks ${disks}`
    }`;
  return new RemoteExecError(
    code,
    `${message}; ${state}`,
    `${suggestion}. ${
      isGone ? "The" : "Look at the guest before you go on; the"
    } backup itself is unchanged`,
  );
};

export const mustBeStopped = (guest: Guest, state: string) =>
  new RemoteExecError(
    "invalid_state",
    `${guestName(guest)} is ${state}: it must be stopped first`,
    `Shut it down with proxmox_shutdown_${guest.kind}`,
  );

/** Neither create nor set notice that a bridge is missing; only a start does. */
export const bridgeMissing = (guest: Guest, bridge: string) =>
  new RemoteExecError(
    "not_found",
    `The bridge "${bridge}" of ${guestInText(guest)} does not exist on the node`,
    `Change its network on the host: ${
      programOf(guest)
    } set ${guest.id} --net0 …; \`ip -br link\` shows the bridges`,
  );

export const notStarted = (guest: Guest, action: string, error: RemoteExecError) =>
  new RemoteExecError(
    error.code,
    `${action} is done, but ${guestInText(guest)} did not start: ${error.message}`,
    `Correct the reason, then call proxmox_start_${guest.kind}; proxmox_destroy_${guest.kind} removes it`,
  );

export const stoppedAgain = (guest: Guest, action: string) =>
  new RemoteExecError(
    "invalid_state",
    `${action} is done, but ${guestInText(guest)} stopped again right after its start`,
    `Read its log on the host; for a container, features such as nesting=1 may be missing. ` +
      `proxmox_start_${guest.kind} tries again`,
  );

/** The program reported success; what was read back is not what was asked for. */
export const otherResult = (action: string, found: string) =>
  new RemoteExecError(
    "verification_failed",
    `${action} was reported as done, but ${found}`,
    READ_TASK_LOG,
  );

const leftUnknown = ({ code, message, suggestion }: RemoteExecError) =>
  new RemoteExecError(
    code,
    `${message}; what it left behind could not be read`,
    `${suggestion}. Look at the guest's configuration and disks first`,
  );

/** Adds what a failed step has left on the host. */
export const withLeftovers = (
  guest: Guest,
  error: RemoteExecError,
  found: Leftovers | undefined,
) => {
  if (found === undefined) return leftUnknown(error);
  const { code, message, suggestion } = error;
  const { lock, volumes } = found;
  const left = [
    ...(lock === undefined
      ? []
      : [`its configuration${lock === "" ? "" : ` with the lock ${lock}`}`]),
    ...volumes,
  ];
  if (left.length === 0) {
    return new RemoteExecError(code, `${message}; nothing was left behind`, suggestion);
  }
  const unlock = lock === undefined || lock === ""
    ? ""
    : `\`${programOf(guest)} unlock ${guest.id}\` on the host, then `;
  const cure = lock === undefined
    ? `remove the disks on the host: ${volumes.map((volid) => `pvesm free ${volid}`).join("; ")}`
    : `remove ${guestInText(guest)}: ${unlock}proxmox_destroy_${guest.kind}`;
  return new RemoteExecError(
    code,
    `${message}; left behind: ${left.join(", ")}`,
    `${suggestion}. First ${cure}`,
  );
};

/** What is on the host of a guest that was not finished. */
export interface Leftovers {
  /** Undefined without a configuration, empty for one without a lock. */
  readonly lock: string | undefined;
  readonly volumes: readonly string[];
}

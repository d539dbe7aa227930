import { oneLine, RemoteExecError } from "../../errors.ts";
import { formatBytes } from "../format.ts";
import { type Guest, guestInText, guestName, programOf, snapshotTool } from "./guest.ts";

export const nothingToSet = () =>
  new RemoteExecError(
    "invalid_argument",
    "No setting was given",
    "Name at least one setting, for example cores",
  );

/** The command succeeded, but keys have other values than the wanted ones. */
export const settingIgnored = (guest: Guest, keys: readonly string[]) =>
  new RemoteExecError(
    "verification_failed",
    `The change was reported as done, but ${guestInText(guest)} has other values of ${
      keys.join(", ")
    }`,
    `Read its configuration with proxmox_${guest.kind}_config`,
  );

/** A change failed, and part of it was made. */
export const changedAllTheSame = (problem: RemoteExecError, keys: readonly string[]) =>
  new RemoteExecError(
    problem.code,
    `${problem.message}; changed all the same: ${keys.join(", ")}`,
    problem.suggestion,
  );

export const diskMissing = (guest: Guest, disk: string, names: readonly string[]) =>
  new RemoteExecError(
    "not_found",
    `${guestName(guest)} has no disk ${disk}`,
    names.length === 0 ? "Read its configuration" : `Choose one of its disks: ${names.join(", ")}`,
  );

export const notLarger = (disk: string, bytes: number) =>
  new RemoteExecError(
    "invalid_argument",
    `A disk can only become larger: ${disk} already has ${formatBytes(bytes)}`,
    "Choose a larger size, for example +10G",
  );

export const alreadyTemplate = (guest: Guest) =>
  new RemoteExecError(
    "invalid_state",
    `${guestName(guest)} is already a template`,
    `Use it as it is: proxmox_clone_${guest.kind} makes a guest of it`,
  );

export const mustBeStopped = (guest: Guest) =>
  new RemoteExecError(
    "invalid_state",
    `${guestName(guest)} is running`,
    `Shut it down first with proxmox_shutdown_${guest.kind}`,
  );

export const hasSnapshots = (guest: Guest) =>
  new RemoteExecError(
    "invalid_state",
    `${guestName(guest)} has snapshots: a template cannot have any`,
    "Delete its snapshots first",
  );

export const snapshotMissing = (guest: Guest, snapshot: string) =>
  new RemoteExecError(
    "not_found",
    `Snapshot "${snapshot}" of ${guestInText(guest)} not found`,
    `Use ${snapshotTool(guest.kind, "list")} to see its snapshots`,
  );

export const snapshotExists = (guest: Guest, snapshot: string) =>
  new RemoteExecError(
    "already_exists",
    `${guestName(guest)} already has a snapshot "${snapshot}"`,
    `Choose another name, or remove the old one with ${snapshotTool(guest.kind, "delete")}`,
  );

export const snapshotsUnavailable = (guest: Guest) =>
  new RemoteExecError(
    "unsupported",
    `The storage of ${guestInText(guest)} does not support snapshots`,
    "Use proxmox_backup, or move its disks to ZFS, LVM-thin, Btrfs or Ceph",
  );

export const snapshotNameReserved = (name: string) =>
  new RemoteExecError(
    "invalid_argument",
    `The snapshot name "${name}" is reserved by Proxmox VE`,
    "Choose another name",
  );

/** ZFS and volume chains can only go back to the newest snapshot of a disk. */
export const snapshotNotNewest = (guest: Guest, snapshot: string) =>
  new RemoteExecError(
    "invalid_state",
    `The storage of ${guestInText(guest)} can only roll back to the newest snapshot, ` +
      `and "${snapshot}" is not`,
    `Delete the newer snapshots first with ${snapshotTool(guest.kind, "delete")}; ` +
      `${snapshotTool(guest.kind, "list")} shows them`,
  );

/** A snapshot whose creation or deletion did not end. */
export const snapshotIncomplete = (guest: Guest, snapshot: string) =>
  new RemoteExecError(
    "invalid_state",
    `The snapshot "${snapshot}" of ${guestInText(guest)} is incomplete`,
    `Roll back to another one, and delete this one with ${snapshotTool(guest.kind, "delete")}`,
  );

/** @param found the devices or features that QEMU cannot save, separated by commas */
export const ramUnavailable = (guest: Guest, found: string) =>
  new RemoteExecError(
    "unsupported",
    `${guestName(guest)} cannot be saved or moved with its RAM: it uses ${oneLine(found)}`,
    "Leave its RAM out, or shut it down first",
  );

/** The disks are those of the snapshot, but the guest does not run as it should. */
export const rolledBackNotStarted = (guest: Guest, snapshot: string, found: string) =>
  new RemoteExecError(
    "verification_failed",
    `${guestName(guest)} was rolled back to the snapshot "${snapshot}", but did not start` +
      (found === "" ? "" : `: ${oneLine(found)}`),
    `Do not roll back again: start it with proxmox_start_${guest.kind}, which reports the reason`,
  );

/** The task failed and left its lock, so its work is half done. */
export const leftLocked = (problem: RemoteExecError, guest: Guest, lock: string) =>
  new RemoteExecError(
    problem.code,
    `${problem.message.replace(/\.$/, "")}; ${
      guestInText(guest)
    } is still locked (${lock}), and the work is half done`,
    `When proxmox_list_tasks shows no running task of it, run \`${
      programOf(guest)
    } unlock ${guest.id}\` ` +
      `with ssh_exec_command, then ${
        lock === "snapshot"
          ? `remove the unfinished snapshot with ${snapshotTool(guest.kind, "delete")}`
          : "repeat the call"
      }`,
  );

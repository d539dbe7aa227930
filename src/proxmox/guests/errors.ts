import { RemoteExecError } from "../../errors.ts";
import { formatBytes } from "../format.ts";
import { type Guest, guestInText, guestName } from "./guest.ts";

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

import { RemoteExecError } from "../errors.ts";
import { type Guest, guestInText, guestName, programOf } from "./guest.ts";

/** Nothing of this number is in the cluster. */
export const guestMissing = (guest: Guest) =>
  new RemoteExecError(
    "not_found",
    `${guestName(guest)} not found`,
    guest.kind === "lxc"
      ? "Use proxmox_list_containers to see available containers"
      : "Use proxmox_list_vms to see available VMs",
  );

/** The number belongs to a guest of the other kind. */
export const wrongKind = ({ kind, id }: Guest) =>
  new RemoteExecError(
    "invalid_argument",
    kind === "lxc"
      ? `${id} is a virtual machine, not a container`
      : `${id} is a container, not a virtual machine`,
    kind === "lxc"
      ? "Use the proxmox_*_vm tools with vmid"
      : "Use the proxmox_*_container tools with ctid",
  );

/** `pct` and `qm` know the guests of their own node only. */
export const onOtherNode = (guest: Guest, node: string) =>
  new RemoteExecError(
    "unsupported",
    `${guestName(guest)} is on the cluster node "${node}", not on the node that HOST leads to`,
    `Set HOST to the node "${node}", or move the guest here`,
  );

export const notRunning = (guest: Guest) =>
  new RemoteExecError(
    "invalid_state",
    `${guestName(guest)} is not running`,
    guest.kind === "lxc"
      ? "Start it first with proxmox_start_container"
      : "Start it first with proxmox_start_vm",
  );

export const alreadyRunning = (guest: Guest) =>
  new RemoteExecError(
    "invalid_state",
    `${guestName(guest)} is already running`,
    guest.kind === "lxc"
      ? "Use it as it is, or call proxmox_reboot_container"
      : "Use it as it is, or stop it first with proxmox_shutdown_vm",
  );

/** A lock in its configuration: a backup, a snapshot or the like is under way or was interrupted. */
export const guestLocked = (guest: Guest, lock: string) =>
  new RemoteExecError(
    "locked",
    `${guestName(guest)} is locked (${lock})`,
    `Wait until the ${lock} has ended; if none runs any more, remove the lock on the host: ` +
      `${programOf(guest)} unlock ${guest.id}`,
  );

/** Another command works on the same guest; Proxmox VE waits ten seconds for it. */
export const guestBusy = (guest: Guest) =>
  new RemoteExecError(
    "locked",
    `Another task works on ${guestInText(guest)} and did not end within 10 seconds`,
    "Wait until that task has ended, then call the tool again",
  );

export const guestIsTemplate = (guest: Guest, action: string) =>
  new RemoteExecError(
    "invalid_state",
    `${guestName(guest)} is a template: ${action} is not possible`,
    `Clone it on the host and use the clone: ${programOf(guest)} clone ${guest.id} NEWID`,
  );

export const didNotStop = (guest: Guest) =>
  new RemoteExecError(
    "timeout",
    `${guestName(guest)} did not shut down in time; it is still running`,
    "Raise timeout, or set force_stop=true to kill it when the time is over",
  );

/** It exited 0, and yet the state that was read back is another one. */
export const otherState = (guest: Guest, action: string, state: string) =>
  new RemoteExecError(
    "verification_failed",
    `${action} was reported as done, but ${guestInText(guest)} is ${state}`,
    "Look at the guest's task log in Proxmox VE, then try again",
  );

export const haPending = (guest: Guest, action: string, seconds: number, state: string) =>
  new RemoteExecError(
    "timeout",
    `${
      guestName(guest)
    } is managed by HA, which was asked for it but has not carried it out within ` +
      `${seconds} seconds: ${action} is pending, it is ${state}`,
    "Read its status again later, or look at `ha-manager status` on the host",
  );

export const snapshotMissing = (guest: Guest, snapshot: string) =>
  new RemoteExecError(
    "not_found",
    `Snapshot "${snapshot}" of ${guestInText(guest)} not found`,
    "Use proxmox_list_snapshots to see its snapshots",
  );

export const snapshotExists = (guest: Guest, snapshot: string) =>
  new RemoteExecError(
    "already_exists",
    `${guestName(guest)} already has a snapshot "${snapshot}"`,
    "Choose another name, or remove the old one with proxmox_delete_snapshot",
  );

export const snapshotsUnavailable = (guest: Guest) =>
  new RemoteExecError(
    "unsupported",
    `The storage of ${guestInText(guest)} cannot make snapshots`,
    "Use proxmox_backup, or move its disks to ZFS, LVM-thin, Btrfs or Ceph",
  );

export const snapshotNameReserved = (name: string) =>
  new RemoteExecError(
    "invalid_argument",
    `The snapshot name "${name}" is reserved by Proxmox VE`,
    "Choose another name",
  );

export const agentUnavailable = (guest: Guest, seen: string) =>
  new RemoteExecError(
    "unsupported",
    `Cannot run a command in ${guestInText(guest)}: ${seen}`,
    "Install qemu-guest-agent in the VM, set `qm set ID --agent 1` on the host, and restart the VM",
  );

/** The container's part of the work could not begin; for example while it is stopping. */
export const cannotEnter = (guest: Guest, seen: string) =>
  new RemoteExecError(
    "invalid_state",
    `Cannot enter ${guestInText(guest)}: ${seen}`,
    "Check with proxmox_container_status that it is running, then try again",
  );

export const storageUnusable = (seen: string) =>
  new RemoteExecError(
    "invalid_argument",
    `The storage cannot be used for backups: ${seen}`,
    "Run `pvesm status --content backup` with ssh_exec_command to see the storages for backups",
  );

export const backupFailed = (vmid: number, seen: string) =>
  new RemoteExecError(
    "io_error",
    `The backup of ${vmid} failed: ${seen === "" ? "it gave no reason" : seen}`,
    "Check space on the storage and the guest's task log in Proxmox VE",
  );

/** Not one of the known answers: what the program said is passed on. */
export const commandFailed = (action: string, seen: string) =>
  new RemoteExecError(
    "io_error",
    `${action} failed: ${seen}`,
    "Look at the guest's task log in Proxmox VE",
  );

export const unreadable = (program: string, seen: string) =>
  new RemoteExecError(
    "internal",
    `The answer of ${program} cannot be read: ${seen}`,
    "Report this together with the version of Proxmox VE (`pveversion`)",
  );

export const programMissing = (program: string) =>
  new RemoteExecError(
    "unsupported",
    `The host has no program "${program}": it is not a Proxmox VE node`,
    "Set HOST to a Proxmox VE node, or turn the module off with ENABLE_PROXMOX=false",
  );

/** Source: captured from pct run by another user than root: `ipcc_send_rec… Unknown error -1`. */
export const notRoot = () =>
  new RemoteExecError(
    "not_permitted",
    "The login may not use Proxmox VE: its programs need root",
    "Set SSH_USERNAME=root",
  );

export const clusterDown = () =>
  new RemoteExecError(
    "unreachable",
    "The cluster file system of the host is down (/etc/pve): Proxmox VE cannot answer",
    "Check it on the host: systemctl status pve-cluster",
  );

export const noQuorum = () =>
  new RemoteExecError(
    "invalid_state",
    "The cluster has no quorum: it allows no changes",
    "Bring the other nodes back; `pvecm status` on the host shows which are missing",
  );

export const containerFileExists = (path: string) =>
  new RemoteExecError(
    "already_exists",
    `File already exists in container: ${path}`,
    "Set overwrite=true to replace existing file",
  );

export const containerFileMissing = (path: string, ctid: number) =>
  new RemoteExecError(
    "not_found",
    `File not found in container ${ctid}: ${path}`,
    "Check the path with proxmox_container_exec_command, for example `ls -la`",
  );

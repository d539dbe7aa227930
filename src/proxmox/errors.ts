import { type ErrorCode, oneLine, RemoteExecError } from "../errors.ts";
import { type Guest, guestInText, guestName, KINDS, programOf } from "./guests/guest.ts";

/** The remedy for a task that failed for a reason unknown here. */
export const READ_TASK_LOG =
  "Read the log of its task with proxmox_task_log; proxmox_list_tasks shows the upid";

/** The cluster has no guest with this ID. */
export const guestMissing = (guest: Guest) =>
  new RemoteExecError(
    "not_found",
    `${guestName(guest)} not found`,
    `Use proxmox_list_${guest.kind}s to see available ${KINDS[guest.kind].noun}s`,
  );

/** The ID belongs to a guest of the other kind. */
export const wrongKind = ({ kind, id }: Guest) => {
  const other = kind === "container" ? "vm" : "container";
  const name = (kind: Guest["kind"]) => kind === "vm" ? "virtual machine" : "container";
  return new RemoteExecError(
    "invalid_argument",
    `${id} is a ${name(other)}, not a ${name(kind)}`,
    `Use the proxmox_*_${other} tools with ${KINDS[other].argument}`,
  );
};

/** `pct` and `qm` know only the guests of their own node. */
export const onOtherNode = (guest: Guest, node: string) =>
  new RemoteExecError(
    "unsupported",
    `${guestName(guest)} is on the cluster node "${node}", not on the node that HOST names`,
    `Set HOST to the node "${node}", or migrate the guest to this node`,
  );

export const notRunning = (guest: Guest) =>
  new RemoteExecError(
    "invalid_state",
    `${guestName(guest)} is not running`,
    `Start it first with proxmox_start_${guest.kind}`,
  );

/** A guest that is to stop and does not run. */
export const alreadyStopped = (guest: Guest) =>
  new RemoteExecError(
    "invalid_state",
    `${guestName(guest)} is not running`,
    "Leave it as it is: there is nothing to stop",
  );

export const alreadyRunning = (guest: Guest) =>
  new RemoteExecError(
    "invalid_state",
    `${guestName(guest)} is already running`,
    `Use it as it is, or call proxmox_reboot_${guest.kind}`,
  );

/** The guest's configuration holds a lock: a backup or snapshot is running or was interrupted. */
export const guestLocked = (guest: Guest, lock: string) =>
  new RemoteExecError(
    "locked",
    `${guestName(guest)} is locked (${lock})`,
    `Wait until the ${lock} has ended; if no such task is running, remove the lock on the host: ` +
      `${programOf(guest)} unlock ${guest.id}`,
  );

/** Another command is working on the same guest; Proxmox VE waits ten seconds for it. */
export const guestBusy = (guest: Guest) =>
  new RemoteExecError(
    "locked",
    `Another task is working on ${guestInText(guest)} and did not end within 10 seconds`,
    "Wait until that task has ended, then call the tool again",
  );

export const guestIsTemplate = (guest: Guest, action: string) =>
  new RemoteExecError(
    "invalid_state",
    `${guestName(guest)} is a template: ${action} is not possible`,
    `Clone it with proxmox_clone_${guest.kind}, and use the clone`,
  );

export const didNotStop = (guest: Guest) =>
  new RemoteExecError(
    "timeout",
    `${guestName(guest)} did not shut down in time; it is still running`,
    `Raise timeout, or kill it with proxmox_stop_${guest.kind}`,
  );

/** The command exited with 0, but the state that was read back is a different one. */
export const otherState = (guest: Guest, action: string, state: string) =>
  new RemoteExecError(
    "verification_failed",
    `${action} was reported as done, but ${guestInText(guest)} is ${state}`,
    `${READ_TASK_LOG}. Then try again`,
  );

export const haPending = (guest: Guest, action: string, seconds: number, state: string) =>
  new RemoteExecError(
    "timeout",
    `${guestName(guest)} is managed by HA, which did not carry out the request within ` +
      `${seconds} seconds: ${action} is still pending, and ${guestInText(guest)} is ${state}`,
    "Read its status again later, or run `ha-manager status` on the host",
  );

export const agentUnavailable = (guest: Guest, found: string) =>
  new RemoteExecError(
    "unsupported",
    `Cannot run a command in ${guestInText(guest)}: ${oneLine(found)}`,
    "Install qemu-guest-agent in the VM, set `qm set ID --agent 1` on the host, and restart the VM",
  );

/** The agent of the VM runs, but its own configuration forbids the command. */
export const agentForbids = (guest: Guest, command: string) =>
  new RemoteExecError(
    "unsupported",
    `The guest agent in ${guestInText(guest)} does not allow ${command}`,
    "Allow guest-exec and guest-exec-status in the VM: in /etc/sysconfig/qemu-ga take them out of BLACKLIST_RPC " +
      "(or BLOCK_RPCS), or add them to --allow-rpcs of FILTER_RPC_ARGS, then restart qemu-guest-agent",
  );

/** The agent was asked and did not answer. */
export const agentSilent = (guest: Guest, found: string) =>
  new RemoteExecError(
    "unreachable",
    `The guest agent in ${guestInText(guest)} did not answer: ${oneLine(found)}`,
    "Restart qemu-guest-agent in the VM",
  );

/** The agent cannot start `env`: the guest is Windows, or another system without POSIX tools. */
export const noPosixShell = (guest: Guest, found: string) =>
  new RemoteExecError(
    "unsupported",
    `${guestName(guest)} has no POSIX shell, which this tool needs: ${oneLine(found)}`,
    `For a Windows guest run this on the host with ssh_exec_command: qm guest exec ${guest.id} -- ` +
      "powershell.exe -Command …",
  );

/** A command that the agent started, and whose result it then did not report. */
export const resultUnknown = (vmid: number, isGone: boolean, error: RemoteExecError) =>
  new RemoteExecError(
    error.code === "internal" ? "verification_failed" : error.code,
    `The command was started in VM ${vmid}, but its result is not known; ` +
      `${isGone ? "it was stopped" : "it may still run"}: ${error.message}`,
    error.suggestion,
  );

const ENDINGS: readonly ErrorCode[] = ["cancelled", "connection_lost", "timeout", "worker_died"];

/** A change whose command succeeded, and whose result could not be read back. */
export const notReadBack = (action: string, error: RemoteExecError) =>
  new RemoteExecError(
    ENDINGS.includes(error.code) ? error.code : "verification_failed",
    `${action} was reported as done, but the result could not be read back: ${error.message}`,
    "Read the state of the guest before you repeat the change",
  );

export const programMissingInGuest = (guest: Guest, program: string) =>
  new RemoteExecError(
    "unsupported",
    `${guestName(guest)} has no program "${program}", which this tool needs`,
    `Install "${program}" in the ${KINDS[guest.kind].noun}, or make it available in /usr/local/bin`,
  );

/** `lxc-attach` failed before the command started, for example because the container is stopping. */
export const cannotEnter = (guest: Guest, found: string) =>
  new RemoteExecError(
    "invalid_state",
    `Cannot enter ${guestInText(guest)}: ${oneLine(found)}`,
    "Check with proxmox_container_status that it is running, then try again",
  );

export const storageUnusable = (found: string) =>
  new RemoteExecError(
    "invalid_argument",
    `The storage cannot be used for backups: ${oneLine(found)}`,
    "Run `pvesm status --content backup` with ssh_exec_command to see the storages for backups",
  );

const FREE_SPACE =
  "Free space there, then try again; `pvesm status` with ssh_exec_command shows it";
/**
 * A line that names a full storage. -28 is ENOSPC of the volume for a VM's RAM. Sources: libc, LVM and ZFS;
 * pve-qemu migration/savevm-async.c.
 */
export const STORAGE_FULL =
  /^(.*(?:No space left on device|(?:not enough|insufficient) free space|out of space|qemu_savevm_state_\w{1,20} error -28\b).*)$/mi;

export const storageFull = (action: string, found: string, remedy = FREE_SPACE) =>
  new RemoteExecError(
    "disk_full",
    `${action} failed: the storage or the disk is full: ${oneLine(found)}`,
    remedy,
  );

/** The storage exists, but it cannot be read now. */
export const storageUnreadable = (storage: string, found: string) =>
  new RemoteExecError(
    "io_error",
    `The backups on the storage "${storage}" cannot be read: ${
      found === "" ? "the program gave no reason" : oneLine(found)
    }`,
    "Check the storage in Proxmox VE: its server or disk may be down",
  );

export const storagesUnreadable = (all: readonly { readonly reason: string }[]) =>
  new RemoteExecError(
    "io_error",
    all.map(({ reason }) => reason).join("; "),
    "Check the storages in Proxmox VE: their servers or disks may be down",
  );

/** vzdump reported success and named an archive that does not exist. */
export const archiveMissing = (
  vmid: number,
  archive: string,
  unreadable: readonly { readonly reason: string }[],
) =>
  new RemoteExecError(
    "verification_failed",
    `The backup of ${vmid} was reported as done, but its archive is on no storage and not on the ` +
      `node: ${[oneLine(archive), ...unreadable.map(({ reason }) => reason)].join("; ")}`,
    "Check whether a hook script of vzdump moves archives, and read the guest's task log",
  );

export const backupFailed = (vmid: number, found: string) =>
  new RemoteExecError(
    "io_error",
    `The backup of ${vmid} failed: ${found === "" ? "vzdump gave no reason" : oneLine(found)}`,
    `Check the free space of the storage. ${READ_TASK_LOG}`,
  );

/** The program failed with a text that is not known here; the text becomes part of the message. */
export const commandFailed = (
  action: string,
  found: string,
  suggestion = READ_TASK_LOG,
) =>
  new RemoteExecError(
    "io_error",
    `${action} failed: ${found === "" ? "the program gave no reason" : oneLine(found)}`,
    suggestion,
  );

export const argumentRefused = (action: string, found: string) =>
  new RemoteExecError(
    "invalid_argument",
    `${action} was refused: ${oneLine(found)}`,
    "Correct the argument that the message names",
  );

export const unreadable = (program: string, found: string) =>
  new RemoteExecError(
    "internal",
    `The output of ${program} cannot be read: ${oneLine(found)}`,
    "Report this together with the version of Proxmox VE (`pveversion`)",
  );

export const programMissing = (program: string) =>
  new RemoteExecError(
    "unsupported",
    `The host has no program "${program}": it is not a Proxmox VE node`,
    "Set HOST to a Proxmox VE node, or turn the module off with ENABLE_PROXMOX=false",
  );

/** Source: captured from `pct`, run by a user other than root: `ipcc_send_rec… Unknown error -1`. */
export const notRoot = () =>
  new RemoteExecError(
    "not_permitted",
    "The SSH user may not use Proxmox VE: its programs need root",
    "Set SSH_USERNAME=root, or SUDO=true or SUDO_PASSWORD for a login that may use sudo",
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
    "Start the other nodes again; `pvecm status` on the host shows which are missing",
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

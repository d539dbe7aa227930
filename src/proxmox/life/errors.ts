import { oneLine, RemoteExecError } from "../../errors.ts";
import { argumentRefused, commandFailed, guestIsTemplate, guestLocked } from "../errors.ts";
import { type Guest, guestInText, guestName, KINDS, programOf } from "../guests/guest.ts";

/** The ID belongs to a guest, maybe since a moment. */
export const idTaken = (id: number) =>
  new RemoteExecError(
    "already_exists",
    `The ID ${id} is taken by another guest`,
    "Leave the ID out: the next free one is then used",
  );

const storageUnfit = (action: string, found: string) =>
  new RemoteExecError(
    "invalid_argument",
    `${action} failed: ${oneLine(found)}`,
    "Choose another storage: `pvesm status` with ssh_exec_command shows them and their free space",
  );

const storageFull = (action: string, found: string) =>
  new RemoteExecError(
    "disk_full",
    `${action} failed: the storage or the disk is full: ${oneLine(found)}`,
    "Free space on the storage, choose another one, or make the disk larger",
  );

const sourceMissing = (action: string, found: string) =>
  new RemoteExecError(
    "not_found",
    `${action} failed: ${oneLine(found)}`,
    "Check the name: proxmox_list_templates shows templates, proxmox_list_backups backups",
  );

const interrupted = (action: string) =>
  new RemoteExecError(
    "cancelled",
    `${action} was interrupted`,
    "Read the task log in Proxmox VE to see who stopped it, then try again",
  );

const importUnknown = (action: string) =>
  new RemoteExecError(
    "unsupported",
    `${action} failed: this version of Proxmox VE cannot import a disk image while it creates a VM (7.2 and later can)`,
    "Create the VM without image, then use `qm importdisk` with ssh_exec_command",
  );

const damaged = (action: string, found: string) =>
  new RemoteExecError(
    "io_error",
    `${action} failed: the archive is damaged or not fit for it: ${oneLine(found)}`,
    "Try another template or backup",
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
    `Read its name with proxmox_${guest.kind}_config and make sure that it is the guest you mean`,
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
    `The backup is one of a ${noun}`,
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

export const destroyFailed = (guest: Guest, found: string, { lock, volumes }: Leftovers) =>
  new RemoteExecError(
    "io_error",
    `Destroying ${guestInText(guest)} failed: ${oneLine(found)}; left: ` +
      ([...(lock === undefined ? [] : ["its configuration"]), ...volumes].join(", ") || "nothing"),
    "Read the guest's task log in Proxmox VE. Disks that are gone cannot be brought back",
  );

export const isProtected = (guest: Guest) =>
  new RemoteExecError(
    "not_permitted",
    `${guestName(guest)} is protected: its protection is on`,
    `Ask the user; then turn it off with: ${programOf(guest)} set ${guest.id} --protection 0`,
  );

/** The old disks are removed before the archive is unpacked, and nothing brings them back. */
export const overwriteFailed = (
  guest: Guest,
  { code, message, suggestion }: RemoteExecError,
  { lock, volumes }: Leftovers,
) => {
  const name = guestInText(guest);
  const state = lock === undefined
    ? `nothing is left of ${name}: its old disks were removed first`
    : lock === ""
    ? `${name} still has a configuration and the disks ${volumes.join(", ") || "(none)"}`
    : `${name} is half restored: locked (${lock}), with the disks ${
      volumes.join(", ") || "(none)"
    }`;
  return new RemoteExecError(
    code,
    `${message}; ${state}`,
    `${suggestion}. Look at the guest before you go on; the backup itself is unchanged`,
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
    "Read the guest's task log in Proxmox VE",
  );

/** Adds what a failed step has left on the host. */
export const withLeftovers = (
  guest: Guest,
  { code, message, suggestion }: RemoteExecError,
  { lock, volumes }: Leftovers,
) => {
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
    ? `remove it on the host: ${volumes.map((volid) => `pvesm free ${volid}`).join("; ")}`
    : `remove it: ${unlock}proxmox_destroy_${guest.kind}`;
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

/** `source`: the guest that is cloned; otherwise the new one itself. */
type Maker = (action: string, found: string, guest: Guest, source: Guest) => RemoteExecError;

/**
 * The errors of commands that make a guest. Those of tar are on stdout.
 *
 * Source: pve-container 94f5585 src/PVE/API2/LXC.pm; qemu-server e6352be src/PVE/API2/Qemu.pm; pve-storage 0c56bad;
 * `No space left on device` from public logs.
 */
const PROBLEMS: readonly (readonly [RegExp, Maker])[] = [
  [
    /((?:CT|VM) \d+ already exists on node|config file already exists|: File exists)/,
    (_a, _f, guest) => idTaken(guest.id),
  ],
  [/import-from: property is not defined/, (action) => importUnknown(action)],
  [/^.*(No space left on device|not enough free space|out of space).*$/m, storageFull],
  [/^.*(?:CT|VM) is locked \((.*)\)/m, (_a, found, _g, source) => guestLocked(source, found)],
  [
    /^.*(received interrupt|broken pipe|got unexpected control message)/m,
    (action) => interrupted(action),
  ],
  [/(storage '[^']*' (?:does not (?:exist|support [^\n]*)|is disabled))/, storageUnfit],
  [/(parameter 'storage' not allowed for linked clones)/, argumentRefused],
  [/(volume '[^']*' does not exist|can't find file '[^']*')/, sourceMissing],
  [/(unable to use volume [^\n]* - content type needs to be '[^']*')/, argumentRefused],
  [
    /(archive contains no configuration file|couldn't determine archive info [^\n]*|unsupported [^\n]*version[^\n]*|unable to detect OS distribution|Restored data doesn't match checksum|unexpected end of file)/,
    damaged,
  ],
  [/(Linked clone feature [^\n]*|Full clone feature [^\n]*)/, unsupportedClone],
  [
    /((?:Full clone of a running container|Cannot do full clones on a running container)[^\n]*)/,
    runningClone,
  ],
  [
    /you can't [^\n]* if it's a template/i,
    (action, _f, _g, source) => guestIsTemplate(source, action),
  ],
  [/^400 Parameter verification failed\.\n([^\n]*)(?:\n(?!\w+ )([^\n]+))?/m, argumentRefused],
];

/** Returns the error of a command that should make a guest. */
export function makingProblem(
  guest: Guest,
  action: string,
  { stderr, stdout }: { readonly stderr: string; readonly stdout: string },
  source: Guest = guest,
): RemoteExecError {
  for (const text of [stderr, stdout]) {
    for (const [pattern, problemOf] of PROBLEMS) {
      const match = pattern.exec(text);
      if (match) return problemOf(action, match[2] ?? match[1] ?? match[0], guest, source);
    }
  }
  const [, reason = stderr] = /^unable to \w+ (?:CT|VM) \d+ - ([^]*)$/.exec(stderr) ?? [];
  return commandFailed(action, reason);
}

function unsupportedClone(action: string, found: string) {
  return new RemoteExecError(
    "unsupported",
    `${action} failed: ${oneLine(found)}`,
    "Use the other kind of clone (full true or false); linked clones need a template",
  );
}

function runningClone(action: string, found: string, guest: Guest): RemoteExecError {
  return new RemoteExecError(
    "invalid_state",
    `${action} failed: ${oneLine(found)}`,
    `Shut ${KINDS[guest.kind].noun === "VM" ? "it" : "the container"} down, or name a snapshot`,
  );
}

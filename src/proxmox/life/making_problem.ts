import { oneLine, RemoteExecError } from "../../errors.ts";
import {
  argumentRefused,
  commandFailed,
  guestIsTemplate,
  guestLocked,
  STORAGE_FULL,
  storageFull,
} from "../errors.ts";
import { snapshotMissing } from "../guests/errors.ts";
import type { Guest } from "../guests/guest.ts";
import { guestChanged, idTaken } from "./errors.ts";
import { NOT_SAME } from "./same_guest.ts";

const storageUnfit = (action: string, found: string) =>
  new RemoteExecError(
    "invalid_argument",
    `${action} failed: ${oneLine(found)}`,
    "Choose another storage: `pvesm status` with ssh_exec_command shows them and their free space",
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
    "Find out who stopped it: proxmox_list_tasks shows the user. Then try again",
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

/** `source`: the guest that is cloned; otherwise the new one itself. */
type Maker = (action: string, found: string, guest: Guest, source: Guest) => RemoteExecError;

/**
 * The errors of commands that make a guest. Those of tar are on stdout.
 *
 * Source: pve-container 94f5585 src/PVE/API2/LXC.pm; qemu-server e6352be src/PVE/API2/Qemu.pm; pve-storage 0c56bad;
 * `No space left on device` from public logs.
 */
const PROBLEMS: readonly (readonly [RegExp, Maker])[] = [
  [new RegExp(`^${NOT_SAME}$`, "m"), (_a, _f, guest) => guestChanged(guest)],
  [
    /((?:CT|VM) \d+ already exists on node|config file already exists|: File exists)/,
    (_a, _f, guest) => idTaken(guest.id),
  ],
  [/import-from: property is not defined/, (action) => importUnknown(action)],
  [
    STORAGE_FULL,
    (action, found) =>
      storageFull(
        action,
        found,
        "Free space on the storage, choose another one, or make the disk larger",
      ),
  ],
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
    (action, found, _g, source) => runningClone(action, found, source),
  ],
  [/snapshot '([^']*)' does not exist/, (_a, found, _g, source) => snapshotMissing(source, found)],
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

function runningClone(action: string, found: string, source: Guest): RemoteExecError {
  return new RemoteExecError(
    "invalid_state",
    `${action} failed: ${oneLine(found)}`,
    `Stop it first with proxmox_shutdown_${source.kind}, or pass one of its snapshots as snapshot (proxmox_create_snapshot makes one)`,
  );
}

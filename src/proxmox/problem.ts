import { RemoteExecError } from "../errors.ts";
import {
  agentUnavailable,
  alreadyRunning,
  cannotEnter,
  clusterDown,
  commandFailed,
  didNotStop,
  guestBusy,
  guestIsTemplate,
  guestLocked,
  noQuorum,
  notRoot,
  programMissing,
  snapshotExists,
  snapshotMissing,
  snapshotNameReserved,
  snapshotsUnavailable,
  storageUnusable,
} from "./errors.ts";
import type { Guest } from "./guest.ts";

/** How a program of the host ended and what it wrote. */
export interface HostAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * What a failed program says of its guest: an error, or one of the two answers that need a second look:
 * it is not on this node, or it does not run (some commands say that of missing guests too).
 */
export type Problem = RemoteExecError | "missing" | "not_running";

/**
 * Reads the stderr of a failed program. The exit code alone says little: 255 is a failed task, a refused
 * argument or a missing guest, 2 and 4 are left-over error numbers.
 *
 * Source: pve-container 94f5585 src/PVE/CLI/pct.pm, src/PVE/API2/LXC/Status.pm; qemu-server e6352be
 * src/PVE/CLI/qm.pm, src/PVE/QemuServer.pm; pve-guest-common 4a8f6cb src/PVE/AbstractConfig.pm.
 */
export function readProblem(guest: Guest, action: string, stderr: string): Problem {
  const text = withoutNoise(stderr);
  for (const [pattern, make] of PROBLEMS) {
    const match = pattern.exec(text);
    if (match) return make({ guest, action, found: match[1] ?? "", text });
  }
  return commandFailed(action, text === "" ? "it gave no reason" : text);
}

/** Failures that concern the host and no guest; undefined for all others. */
export function readHostProblem(
  program: string,
  { code, stderr }: HostAnswer,
): RemoteExecError | undefined {
  if (code === 0) return undefined;
  if (/^Unable to load access control list: Connection refused/m.test(stderr)) return clusterDown();
  if (/^Unable to load access control list: |^please run as root/m.test(stderr)) return notRoot();
  if (/^cluster not ready - no quorum\?/m.test(stderr)) return noQuorum();
  // `env` names the program that it cannot find; its words for the reason depend on the locale, busybox's do not.
  if (code === 127 && new RegExp(`^env: (can't execute )?\\W?${program}\\W?: `, "m").test(stderr)) {
    return programMissing(program);
  }
  return undefined;
}

/** What a program has printed. @throws RemoteExecError when it failed for no reason that is known here */
export function outputOf({ code, stdout, stderr }: HostAnswer, action: string): string {
  if (code !== 0) throw commandFailed(action, withoutNoise(stderr));
  return stdout;
}

/** What is left of stderr without the noise that says nothing about the outcome. */
export function withoutNoise(stderr: string): string {
  return stderr.split("\n")
    .filter((line) => line.trim() !== "" && !NOISE.test(line))
    .join("\n").trim();
}

/** Source: PVE::Tools::lock_file writes its waiting to stderr; perl warns of unknown locales. */
const NOISE =
  /^(trying to acquire lock\.\.\.| OK|perl: warning: .*|\tL(C_|ANG).*|\s*are supported and installed .*)$/;

interface Seen {
  readonly guest: Guest;
  readonly action: string;
  readonly found: string;
  readonly text: string;
}

const PROBLEMS: readonly (readonly [RegExp, (seen: Seen) => Problem])[] = [
  [/^Configuration file '.*' does not exist/m, () => "missing"],
  [/^unable to find configuration file for VM \d+ on node/m, () => "missing"],
  [/^unable to find VM '\d+'/m, () => "missing"],
  [/^(?:CT|VM) \d+ (?:is )?not running/m, () => "not_running"],
  [/^container '\d+' not running!/m, () => "not_running"],
  [/^can only (?:push|pull) files (?:to|from) a running/m, () => "not_running"],
  [/^(?:CT|VM) \d+ already running/m, ({ guest }) => alreadyRunning(guest)],
  [/^(?:CT|VM) is locked \((.*)\)/m, ({ guest, found }) => guestLocked(guest, found)],
  [/^can't lock file '.*' - got timeout/m, ({ guest }) => guestBusy(guest)],
  [/^you can't .* if it's a template/im, ({ guest, action }) => guestIsTemplate(guest, action)],
  [/^container did not stop/m, ({ guest }) => didNotStop(guest)],
  [/^VM quit\/powerdown failed - got timeout/m, ({ guest }) => didNotStop(guest)],
  [/^snapshot '(.*)' does not exist/m, ({ guest, found }) => snapshotMissing(guest, found)],
  [/^snapshot name '(.*)' already used/m, ({ guest, found }) => snapshotExists(guest, found)],
  [/^snapshot feature is not available/m, ({ guest }) => snapshotsUnavailable(guest)],
  [/^unable to use snapshot name '(.*)' \(reserved/m, ({ found }) => snapshotNameReserved(found)],
  [
    /^(No QEMU guest agent configured|QEMU guest agent is not running)/m,
    ({ guest, found }) => agentUnavailable(guest, found),
  ],
  [/^lxc-attach: (.*)/m, ({ guest, found }) => cannotEnter(guest, found)],
  [
    /^could not get storage information for '.*': (.*)/m,
    ({ found }) => storageUnusable(found),
  ],
  [/^(storage '.*' does not exist)/m, ({ found }) => storageUnusable(found)],
  [
    /^400 (?:Parameter verification failed\.\n(.*)|.*)/m,
    ({ action, found, text }) =>
      new RemoteExecError(
        "invalid_argument",
        `${action} was refused: ${found === "" ? text : found}`,
        "Correct the argument that is named",
      ),
  ],
];

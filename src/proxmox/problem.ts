import { type ErrorCode, RemoteExecError } from "../errors.ts";
import type { ToolContext } from "../mcp/tool.ts";
import {
  agentForbids,
  agentSilent,
  agentUnavailable,
  alreadyRunning,
  argumentRefused,
  cannotEnter,
  commandFailed,
  didNotStop,
  guestBusy,
  guestIsTemplate,
  guestLocked,
  guestMissing,
  noPosixShell,
  notReadBack,
  notRunning,
  onOtherNode,
  programMissingInGuest,
  STORAGE_FULL,
  storageFull,
  storageUnusable,
  wrongKind,
} from "./errors.ts";
import {
  ramUnavailable,
  snapshotExists,
  snapshotMissing,
  snapshotNameReserved,
  snapshotNotNewest,
  snapshotsUnavailable,
} from "./guests/errors.ts";
import { bridgeMissing } from "./life/errors.ts";
import { type Guest, KINDS, programOf } from "./guests/guest.ts";
import { type HostAnswer, outputOf, type ProxmoxHost, withoutNoise } from "./host.ts";
import { parseResources, type Resource } from "./parsers/pvesh.ts";

/** Long enough for a busy cluster; these calls only find the reason of a failure. */
const LOOKUP_MS = 30_000;

/**
 * What stderr says about the guest: an error, or one of two answers that need a second command.
 * "missing": the guest is not on this node. "not_running": some commands also say this of a guest that
 * does not exist.
 */
export type Problem = RemoteExecError | "missing" | "not_running";

/**
 * Returns the error behind a failed command. If its text leaves the reason open, asks the node for
 * the guest's status and the cluster for its node and kind.
 */
export async function explain(
  host: ProxmoxHost,
  guest: Guest,
  action: string,
  answer: HostAnswer,
  { signal }: Pick<ToolContext, "signal">,
): Promise<RemoteExecError> {
  // Only the output of the task names it. Source: pve-common src/PVE/Network.pm:135.
  const bridge = /^bridge '(.*)' does not exist$/m.exec(answer.stdout)?.[1];
  if (bridge !== undefined) return bridgeMissing(guest, bridge);
  const problem = readProblem(guest, action, answer.stderr);
  if (problem === "missing") return await locate(host, guest, signal);
  if (problem !== "not_running") return problem;
  const status = await host.run([programOf(guest), "status", String(guest.id)], {
    signal,
    progress: undefined,
    timeoutMs: LOOKUP_MS,
    action: "Reading the status",
  });
  const isMissing = status.code !== 0 &&
    readProblem(guest, action, status.stderr) === "missing";
  return isMissing ? await locate(host, guest, signal) : notRunning(guest);
}

/**
 * Waits for what is read after a change. The change was carried out, so a failure says so.
 *
 * @throws RemoteExecError `verification_failed`, or the code of a call that was ended
 */
export async function readBack<T>(action: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw error instanceof RemoteExecError ? notReadBack(action, error) : error;
  }
}

/** Failures that would be the same for each thing to read. */
const ENDS_THE_CALL: readonly ErrorCode[] = [
  "authentication_failed",
  "cancelled",
  "connection_lost",
  "not_permitted",
  "worker_died",
];

/** Returns the error of one of several things to read. @throws it if it concerns the call itself */
export function errorOfPart(error: unknown): RemoteExecError {
  if (!(error instanceof RemoteExecError) || ENDS_THE_CALL.includes(error.code)) throw error;
  return error;
}

/** Returns the reason why this node does not have the guest. */
async function locate(
  host: ProxmoxHost,
  guest: Guest,
  signal: AbortSignal,
): Promise<RemoteExecError> {
  const found = await findInCluster(host, guest.id, signal);
  if (found === undefined) return guestMissing(guest);
  if (found.type !== KINDS[guest.kind].apiType) return wrongKind(guest);
  return onOtherNode(guest, found.node ?? "unknown");
}

/** Returns the cluster's entry for an ID; undefined also if the cluster cannot be asked. */
export async function findInCluster(
  host: ProxmoxHost,
  id: number,
  signal: AbortSignal,
): Promise<Resource | undefined> {
  const action = "Looking for the guest";
  const call = { signal, progress: undefined, timeoutMs: LOOKUP_MS, action };
  const { code, stdout } = await host.get("/cluster/resources", ["--type", "vm"], call);
  return code === 0 ? parseResources(stdout).find(({ vmid }) => vmid === id) : undefined;
}

/** Reports whether the cluster has a guest of this ID. @throws RemoteExecError if the cluster cannot be asked */
export async function isInCluster(
  host: ProxmoxHost,
  id: number,
  signal: AbortSignal,
): Promise<boolean> {
  const action = "Looking for the guest";
  const call = { signal, progress: undefined, timeoutMs: LOOKUP_MS, action };
  const answer = await host.get("/cluster/resources", ["--type", "vm"], call);
  return parseResources(outputOf(answer, action)).some(({ vmid }) => vmid === id);
}

/**
 * Reads the stderr of a failed program. The exit code says little: 255 is a failed task, a refused
 * argument or a missing guest; 2 and 4 are leftover error numbers.
 *
 * Source: pve-container 94f5585 src/PVE/CLI/pct.pm, src/PVE/API2/LXC/Status.pm; qemu-server e6352be
 * src/PVE/CLI/qm.pm, src/PVE/QemuServer.pm; pve-guest-common 4a8f6cb src/PVE/AbstractConfig.pm.
 */
export function readProblem(guest: Guest, action: string, stderr: string): Problem {
  const text = withoutNoise(stderr);
  for (const [pattern, problemOf] of PROBLEMS) {
    const match = pattern.exec(text);
    if (match) return problemOf({ guest, action, found: match[1] ?? "", text });
  }
  return commandFailed(action, text);
}

/** A text that matched a pattern. */
interface Match {
  readonly guest: Guest;
  readonly action: string;
  /** The first group of the pattern. */
  readonly found: string;
  readonly text: string;
}

const PROBLEMS: readonly (readonly [RegExp, (match: Match) => Problem])[] = [
  [/^Configuration file '.*' does not exist/m, () => "missing"],
  [/^unable to find configuration file for VM \d+ on node/m, () => "missing"],
  [/^unable to find VM '\d+'/m, () => "missing"],
  [/^(?:CT|VM) \d+ (?:is )?not running/m, () => "not_running"],
  [/^container '\d+' not running!/m, () => "not_running"],
  [/^can only (?:push|pull) files (?:to|from) a running/m, () => "not_running"],
  [/^(?:CT|VM) \d+ already running/m, ({ guest }) => alreadyRunning(guest)],
  [/^(?:CT|VM) is locked \((.*)\)/m, ({ guest, found }) => guestLocked(guest, found)],
  [/^can't lock file '.*' - got timeout/m, ({ guest }) => guestBusy(guest)],
  [
    /^you can't .* if (?:it's|vm is) a template/im,
    ({ guest, action }) => guestIsTemplate(guest, action),
  ],
  [/^container did not stop/m, ({ guest }) => didNotStop(guest)],
  [/^VM quit\/powerdown failed - got timeout/m, ({ guest }) => didNotStop(guest)],
  [/^snapshot '(.*)' does not exist/m, ({ guest, found }) => snapshotMissing(guest, found)],
  [/^snapshot name '(.*)' already used/m, ({ guest, found }) => snapshotExists(guest, found)],
  [/^snapshot feature is not available/m, ({ guest }) => snapshotsUnavailable(guest)],
  [/^unable to use snapshot name '(.*)' \(reserved/m, ({ found }) => snapshotNameReserved(found)],
  // Source: pve-storage 0c56bad src/PVE/Storage/ZFSPoolPlugin.pm, Plugin.pm, LVMPlugin.pm.
  [
    /^can't rollback, '(.*)' is not most recent snapshot/m,
    ({ guest, found }) => snapshotNotNewest(guest, found),
  ],
  [
    /^Cannot live-migrate, snapshot \(with RAM\), or hibernate a VM with: (.*)/m,
    ({ guest, found }) => ramUnavailable(guest, found),
  ],
  [/^Failed to obtain guest migration lock/m, ({ guest }) => guestBusy(guest)],
  [
    /^(No QEMU guest agent configured|QEMU guest agent is not running)/m,
    ({ guest, found }) => agentUnavailable(guest, found),
  ],
  [
    /(guest-[a-z-]+) has (?:been disabled|not been found)/m,
    ({ guest, found }) => agentForbids(guest, found),
  ],
  [
    /^VM \d+ (?:qmp|qga) command '(guest-[a-z-]+' failed - .*)/m,
    ({ guest, found }) => agentSilent(guest, `'${found}`),
  ],
  // Sources: glib gspawn.c (its quotes depend on the version), gspawn-win32.c (names no program).
  [
    /(Failed to execute (?:child process|helper program).*)/m,
    ({ guest, found }) => noPosixShell(guest, found),
  ],
  [
    /^lxc-attach: .* - Failed to exec "([^"]*)"/m,
    ({ guest, found }) => programMissingInGuest(guest, found),
  ],
  [/^lxc-attach: (.*)/m, ({ guest, found }) => cannotEnter(guest, found)],
  [/^could not get storage information for '.*': (.*)/m, ({ found }) => storageUnusable(found)],
  [/^(storage '.*' does not exist)/m, ({ found }) => storageUnusable(found)],
  [
    /^400 (?:Parameter verification failed\.\n(.*)|.*)/m,
    ({ action, found, text }) => argumentRefused(action, found === "" ? text : found),
  ],
  // Last: if the node's disk is full, its message may stand beside the real reason.
  [STORAGE_FULL, ({ action, text }) => storageFull(action, text)],
];

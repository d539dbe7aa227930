import type { RemoteExecError } from "../errors.ts";
import type { ToolContext } from "../mcp/tool.ts";
import { guestMissing, notRunning, onOtherNode, wrongKind } from "./errors.ts";
import { type Guest, programOf } from "./guest.ts";
import type { ProxmoxHost } from "./host.ts";
import { type HostAnswer, readProblem } from "./problem.ts";
import { parseResources, type Resource } from "./pvesh.ts";

/** Long enough for a busy cluster; these are the calls that only explain a failure. */
const LOOK_MS = 30_000;

/**
 * The error behind a failed command. Looks twice where the command's own words do not tell: what is
 * not on this node may be on another one or of the other kind, and "not running" may mean missing.
 */
export async function explain(
  host: ProxmoxHost,
  guest: Guest,
  action: string,
  answer: HostAnswer,
  { signal }: Pick<ToolContext, "signal">,
): Promise<RemoteExecError> {
  const problem = readProblem(guest, action, answer.stderr);
  if (problem === "missing") return await locate(host, guest, signal);
  if (problem !== "not_running") return problem;
  const status = await host.run([programOf(guest), "status", String(guest.id)], {
    signal,
    progress: undefined,
    timeoutMs: LOOK_MS,
    action: "Reading the status",
  });
  const isMissing = status.code !== 0 &&
    readProblem(guest, action, status.stderr) === "missing";
  return isMissing ? await locate(host, guest, signal) : notRunning(guest);
}

/** Why this node has no such guest. */
async function locate(
  host: ProxmoxHost,
  guest: Guest,
  signal: AbortSignal,
): Promise<RemoteExecError> {
  const found = await findInCluster(host, guest.id, signal);
  if (found === undefined) return guestMissing(guest);
  if (found.type !== guest.kind) return wrongKind(guest);
  return onOtherNode(guest, found.node ?? "unknown");
}

/** What the cluster knows of a number; undefined also when it cannot be asked. */
export async function findInCluster(
  host: ProxmoxHost,
  id: number,
  signal: AbortSignal,
): Promise<Resource | undefined> {
  const call = { signal, progress: undefined, timeoutMs: LOOK_MS, action: "Looking for the guest" };
  const { code, stdout } = await host.get("/cluster/resources", ["--type", "vm"], call);
  return code === 0 ? parseResources(stdout).find(({ vmid }) => vmid === id) : undefined;
}

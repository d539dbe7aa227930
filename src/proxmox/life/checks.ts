import type { ToolContext } from "../../mcp/tool.ts";
import { guestLocked, noQuorum, unreadable } from "../errors.ts";
import type { Guests } from "../guests/guests.ts";
import { type Guest, programOf } from "../guests/guest.ts";
import { outputOf, type ProxmoxHost } from "../host.ts";
import { parseConfig } from "../parsers/pct.ts";
import { isQuorate } from "../parsers/pvesh.ts";
import { explain } from "../problem.ts";
import { isProtected, mustBeStopped, nameNotConfirmed } from "./errors.ts";
import { checkedConfig, onlyIfSame } from "./same_guest.ts";

/** A guest that may be destroyed. */
export interface Confirmed {
  readonly config: Readonly<Record<string, string>>;
  /** Shell text that ends the shell if the guest was changed or replaced since the check. */
  readonly guard: string;
}

/**
 * Refuses what would destroy the wrong guest, or half of it. Proxmox VE asks no question, and without a quorum it
 * frees the disks before it notices that it cannot write the configuration.
 *
 * Source: pve-container 94f5585 src/PVE/LXC.pm:1037-1063.
 *
 * @throws RemoteExecError unless the name is confirmed, the guest is stopped, neither protected nor locked, and the
 *   cluster has a quorum
 */
export async function checkDestruction(
  { host, guests }: { readonly host: ProxmoxHost; readonly guests: Guests },
  guest: Guest,
  confirmName: string,
  context: ToolContext,
): Promise<Confirmed> {
  const { config, guard } = await read(host, guest, context);
  if (nameOf(guest, config) !== confirmName) throw nameNotConfirmed(guest);
  if (config.protection === "1") throw isProtected(guest);
  if (config.lock !== undefined && config.lock !== "suspended") {
    throw guestLocked(guest, config.lock);
  }
  const status = await guests.status(guest, context);
  if (status !== "stopped") throw mustBeStopped(guest, status);
  const action = "Reading the cluster's quorum";
  const answer = await host.get("/cluster/status", [], { ...context, action });
  if (!isQuorate(outputOf(answer, action))) throw noQuorum();
  return { config, guard };
}

async function read(host: ProxmoxHost, guest: Guest, context: ToolContext): Promise<Confirmed> {
  const call = { ...context, action: "Reading the configuration", program: programOf(guest) };
  const answer = await host.run(checkedConfig(guest), call);
  if (answer.code !== 0) throw await explain(host, guest, call.action, answer, context);
  const [sum = "", ...lines] = answer.stdout.split("\n");
  if (!/^[0-9a-f]{64}$/.test(sum)) throw unreadable("sha256sum", sum.slice(0, 100));
  return { config: parseConfig(lines.join("\n")).options, guard: onlyIfSame(guest, sum) };
}

/** As the lists show it. Source: pve-container src/PVE/LXC.pm:291-292; qemu-server src/PVE/QemuServer.pm:2574. */
const nameOf = ({ kind, id }: Guest, config: Readonly<Record<string, string>>): string =>
  kind === "container" ? config.hostname ?? `CT${id}` : config.name ?? `VM ${id}`;

import type { ToolContext } from "../../mcp/tool.ts";
import { guestLocked, noQuorum } from "../errors.ts";
import type { Guests } from "../guests/guests.ts";
import type { Guest } from "../guests/guest.ts";
import { outputOf, type ProxmoxHost } from "../host.ts";
import { isQuorate } from "../parsers/pvesh.ts";
import { isProtected, mustBeStopped, nameNotConfirmed } from "./errors.ts";

/**
 * Refuses what would destroy the wrong guest, or half of it. Proxmox VE asks no question, and without a quorum it
 * frees the disks before it notices that it cannot write the configuration.
 *
 * Source: pve-container 94f5585 src/PVE/LXC.pm:1037-1063.
 *
 * @returns the configuration of the guest
 * @throws RemoteExecError unless the name is confirmed, the guest is stopped, neither protected nor locked, and the
 *   cluster has a quorum
 */
export async function checkDestruction(
  { host, guests }: { readonly host: ProxmoxHost; readonly guests: Guests },
  guest: Guest,
  confirmName: string,
  context: ToolContext,
): Promise<Readonly<Record<string, string>>> {
  const { options: config } = await guests.config(guest, context);
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
  return config;
}

/** As the lists show it. Source: pve-container src/PVE/LXC.pm:291-292; qemu-server src/PVE/QemuServer.pm:2574. */
const nameOf = ({ kind, id }: Guest, config: Readonly<Record<string, string>>): string =>
  kind === "container" ? config.hostname ?? `CT${id}` : config.name ?? `VM ${id}`;

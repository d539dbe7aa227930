import * as z from "zod";
import { number, parseList, text } from "./pvesh.ts";

const network = z.object({
  iface: z.string(),
  type: text,
  active: number,
  autostart: number,
  method: text,
  method6: text,
  cidr: text,
  cidr6: text,
  gateway: text,
  gateway6: text,
  bridge_ports: text,
  ovs_ports: text,
  slaves: text,
  ovs_bonds: text,
  bond_mode: text,
  bridge_vlan_aware: number,
  bridge_vids: text,
  "vlan-id": number,
  "vlan-raw-device": text,
  mtu: number,
  comments: text,
});

/** An interface as the node's configuration names it. Its addresses are those that are configured. */
export interface ConfiguredNetwork {
  readonly name: string;
  /** For example `bridge`, `bond`, `vlan`, `eth`, `OVSBridge`, `vnet`. */
  readonly type: string;
  readonly isActive: boolean;
  /** How IPv4 is configured: static, dhcp or manual. */
  readonly method?: string;
  /** With prefix length. */
  readonly configured: readonly string[];
  readonly gateways: readonly string[];
  /** The interfaces of a bridge or bond. */
  readonly ports: readonly string[];
  readonly bondMode?: string;
  /** The VLANs that pass a VLAN-aware bridge; undefined for any other one. */
  readonly vlans?: string;
  readonly vlanId?: number;
  readonly vlanDevice?: string;
  readonly mtu?: number;
  readonly comment?: string;
}

/**
 * Parses `pvesh get /nodes/N/network`, in the order of the names.
 *
 * Source: pve-common f665029 src/PVE/INotify.pm, measured with its parser of interfaces files.
 */
export const parseNetworks = (stdout: string): ConfiguredNetwork[] =>
  parseList(network, stdout).map(configured).sort((a, b) => a.name < b.name ? -1 : 1);

function configured(entry: z.infer<typeof network>): ConfiguredNetwork {
  const { iface, type = "unknown", active, method, mtu, bond_mode, bridge_vids } = entry;
  const { "vlan-id": vlanId, "vlan-raw-device": vlanDevice } = entry;
  const comment = entry.comments?.trim();
  const ports = [entry.bridge_ports, entry.ovs_ports, entry.slaves, entry.ovs_bonds];
  return {
    name: iface,
    type,
    // A virtual network of the cluster has no such field: it exists on the node.
    isActive: active === 1 || type === "vnet",
    ...(method === undefined ? {} : { method }),
    configured: present(entry.cidr, entry.cidr6),
    gateways: present(entry.gateway, entry.gateway6),
    ports: ports.flatMap((list = "") => list.split(/\s+/)).filter((port) => port !== ""),
    ...(bond_mode === undefined ? {} : { bondMode: bond_mode }),
    ...(entry.bridge_vlan_aware === 1 ? { vlans: bridge_vids ?? "2-4094" } : {}),
    ...(vlanId === undefined ? {} : { vlanId }),
    ...(vlanDevice === undefined ? {} : { vlanDevice }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(comment === undefined || comment === "" ? {} : { comment }),
  };
}

const present = (...values: readonly (string | undefined)[]): string[] =>
  values.flatMap((value) => value === undefined || value === "" ? [] : [value]);

const link = z.object({
  ifname: z.string(),
  addr_info: z.array(
    z.object({ local: text, prefixlen: number, scope: text }),
  ).catch([]),
});

/** Parses `ip -json address show` into the global addresses, with prefix length, by interface. */
export function parseAddresses(stdout: string): ReadonlyMap<string, readonly string[]> {
  return new Map(
    parseList(link, stdout).map(({ ifname, addr_info }) => [
      ifname,
      addr_info.flatMap(({ local, prefixlen, scope }) =>
        scope !== "global" || local === undefined ? [] : [`${local}/${prefixlen ?? ""}`]
      ),
    ]),
  );
}

import * as z from "zod";
import { printable } from "../../errors.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import { defined } from "../format.ts";
import type { Network, NetworkList, Networks } from "./networks.ts";

const unlisted = { unlisted: true };

/** The tool that lists a node's networks. */
export const networkTool = (networks: Networks): Tool =>
  defineTool({
    name: "proxmox_list_networks",
    title: "List the networks of the node",
    description:
      "List the node's bridges, bonds, VLANs and interfaces with their addresses, e.g. to choose a bridge for a guest.",
    effect: "reads",
    input: z.strictObject({ response_format: unlistedFormat }),
    output: z.object({
      networks: z.array(z.object({
        name: z.string(),
        type: z.string().describe("bridge, bond, vlan, eth, vnet, …"),
        status: z.string().describe("active or inactive"),
        method: z.string().optional().meta(unlisted),
        addresses: z.array(z.string()).optional().describe("In use now"),
        configured: z.array(z.string()).describe("Addresses in its configuration"),
        gateways: z.array(z.string()).meta(unlisted),
        ports: z.array(z.string()).describe("Of a bridge or bond"),
        vlans: z.string().optional().describe("Of a VLAN-aware bridge"),
        vlan_id: z.number().optional().meta(unlisted),
        vlan_device: z.string().optional().meta(unlisted),
        bond_mode: z.string().optional().meta(unlisted),
        mtu: z.number().optional().meta(unlisted),
        comment: z.string().optional().meta(unlisted),
      })),
      warnings: z.array(z.string()).optional().meta(unlisted),
    }),
    async run(_args, context) {
      const list = await networks.list(context);
      const { warnings } = list;
      const data = {
        networks: list.networks.map(shown),
        ...(warnings.length === 0 ? {} : { warnings: [...warnings] }),
      };
      return { text: format(list), data };
    },
  });

const shown = (network: Network) => {
  const { name, type, method, addresses, vlans, mtu, comment } = network;
  return defined({
    name,
    type,
    status: statusOf(network),
    method,
    addresses: addresses && [...addresses],
    configured: [...network.configured],
    gateways: [...network.gateways],
    ports: [...network.ports],
    vlans,
    vlan_id: network.vlanId,
    vlan_device: network.vlanDevice,
    bond_mode: network.bondMode,
    mtu,
    comment,
  });
};

const statusOf = ({ isActive }: Network): string => isActive ? "active" : "inactive";

const format = ({ networks, warnings }: NetworkList): string =>
  [
    ...(networks.length === 0 ? ["No networks found"] : networks.map(formatNetwork)),
    ...warnings.map((warning) => `[WARNING] ${printable(warning)}`),
  ].join("\n");

function formatNetwork(network: Network): string {
  const { name, type, method, addresses, configured, gateways, ports, vlans, vlanId } = network;
  const { vlanDevice, bondMode, mtu, comment } = network;
  return [
    `${name} (${type}, ${statusOf(network)}${method === undefined ? "" : `, ${method}`})`,
    ...list("addresses", addresses ?? []),
    ...list("configured", configured),
    ...list("gateway", gateways),
    ...list("ports", ports),
    ...(vlans === undefined ? [] : [`VLAN-aware ${vlans}`]),
    ...(vlanId === undefined ? [] : [`VLAN ${vlanId}`]),
    ...(vlanDevice === undefined ? [] : [`on ${vlanDevice}`]),
    ...(bondMode === undefined ? [] : [bondMode]),
    ...(mtu === undefined ? [] : [`MTU ${mtu}`]),
    ...(comment === undefined ? [] : [comment]),
  ].map(printable).join(" · ");
}

const list = (title: string, values: readonly string[]): string[] =>
  values.length === 0 ? [] : [`${title} ${values.join(" ")}`];

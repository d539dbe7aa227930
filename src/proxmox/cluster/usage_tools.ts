import { printable } from "../../errors.ts";
import * as z from "zod";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import { guestArgument } from "../../mcp/arguments.ts";
import { formatBytes } from "../format.ts";
import type { ClusterUsage, Share, Usage, UsageRow } from "./usage.ts";

const usageOutput = {
  name: z.string(),
  status: z.string().describe("online or offline; of guests running, stopped, …"),
  cpu_percent: z.number().optional().describe("Of all its CPUs"),
  cpus: z.number().optional(),
  memory_used: z.number().optional().describe("Bytes, like all sizes"),
  memory_total: z.number().optional(),
  disk_used: z.number().optional().describe("Unknown for VMs"),
  disk_total: z.number().optional(),
  uptime_seconds: z.number().optional(),
};

const nodeOutput = z.object({
  ...usageOutput,
  network_in_per_second: z.number().optional().describe("Bytes/s in the last minute"),
  network_out_per_second: z.number().optional(),
});

const guestOutput = {
  node: z.string().optional(),
  network_in: z.number().optional().describe("Bytes since the start, like network_out"),
  network_out: z.number().optional(),
};

/** Loose, so that the fields of a node are shown once. */
const containerOutput = z.looseObject({ ctid: z.number().int(), ...guestOutput });
/** The same for the fields of a container. */
const vmOutput = z.looseObject({ vmid: z.number().int() });

/** The tool that shows what nodes, containers and VMs use. */
export const usageTool = (cluster: Usage): Tool =>
  defineTool({
    name: "proxmox_resource_usage",
    title: "Show resource usage",
    description:
      "Show CPU, memory, disk, network and uptime of all nodes, containers and VMs of the cluster, at most a minute old.",
    effect: "reads",
    input: z.strictObject({
      vmid: guestArgument.optional().describe(
        "Only this container or VM and its node, e.g. 101",
      ),
      response_format: unlistedFormat,
    }),
    output: z.object({
      nodes: z.array(nodeOutput),
      containers: z.array(containerOutput).describe("Like nodes, but"),
      vms: z.array(vmOutput).describe("Like containers, but"),
    }),
    async run({ vmid }, context) {
      const usage = await cluster.read(vmid, context);
      const data = {
        nodes: usage.nodes.map(shownNode),
        containers: usage.containers.map((one) => ({ ctid: one.id ?? 0, ...shownGuest(one) })),
        vms: usage.vms.map((one) => ({ vmid: one.id ?? 0, ...shownGuest(one) })),
      };
      return { text: format(usage), data };
    },
  });

function shownNode(node: UsageRow) {
  const { network } = node;
  return {
    ...shown(node),
    ...(network ? { network_in_per_second: network.in, network_out_per_second: network.out } : {}),
  };
}

function shownGuest(guest: UsageRow) {
  const { network } = guest;
  return {
    ...shown(guest),
    ...(guest.node === undefined ? {} : { node: guest.node }),
    ...(network ? { network_in: network.in, network_out: network.out } : {}),
  };
}

function shown({ name, status, cpuPercent, cpus, memory, disk, uptimeSeconds }: UsageRow) {
  return {
    name,
    status,
    ...(cpuPercent === undefined ? {} : { cpu_percent: cpuPercent }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(memory.used === undefined ? {} : { memory_used: memory.used }),
    ...(memory.total === undefined ? {} : { memory_total: memory.total }),
    ...(disk.used === undefined ? {} : { disk_used: disk.used }),
    ...(disk.total === undefined ? {} : { disk_total: disk.total }),
    ...(uptimeSeconds === undefined ? {} : { uptime_seconds: uptimeSeconds }),
  };
}

function format({ nodes, containers, vms }: ClusterUsage): string {
  const sections = [
    { title: "Nodes", entries: nodes, perSecond: "/s" },
    { title: "Containers", entries: containers, perSecond: "" },
    { title: "VMs", entries: vms, perSecond: "" },
  ];
  return sections.filter(({ entries }) => entries.length > 0).map(({ title, entries, perSecond }) =>
    [`=== ${title} ===`, ...entries.map((entry) => formatUsage(entry, perSecond))].join("\n")
  ).join("\n\n");
}

function formatUsage(entry: UsageRow, perSecond: string): string {
  const { id, name, node, status, cpuPercent, cpus, network } = entry;
  return [
    printable(
      `${id === undefined ? "" : `${id} `}${name} (${status}${
        id === undefined || node === undefined ? "" : `, ${node}`
      })`,
    ),
    ...(cpuPercent === undefined ? [] : [`CPU ${cpuPercent} % of ${cpus ?? "?"}`]),
    ...formatShare("memory", entry.memory),
    ...formatShare("disk", entry.disk),
    ...(network
      ? [`network in ${bytes(network.in)}${perSecond} out ${bytes(network.out)}${perSecond}`]
      : []),
    ...(entry.uptimeSeconds === undefined ? [] : [`up ${entry.uptimeSeconds} s`]),
  ].join(" · ");
}

const formatShare = (name: string, { used, total }: Share): string[] =>
  total === undefined ? [] : [`${name} ${used === undefined ? "?" : bytes(used)}/${bytes(total)}`];

const bytes = (value: number): string => formatBytes(Math.round(value));

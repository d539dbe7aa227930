import { escaped, printable } from "../../errors.ts";
import * as z from "zod";
import { defineTool, responseFormat, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import { idOf, idOutput, targetArgument, targetOf } from "../arguments.ts";
import type { ContainerRow, GuestConfig } from "../parsers/pct.ts";
import type { VmRow } from "../parsers/qm.ts";
import { type Guest, guestInText, type GuestKind, guestName, KINDS } from "./guest.ts";
import type { Guests } from "./guests.ts";

/** The tools that list the guests of one kind and read their state and configuration. */
export const guestTools = (guests: Guests, kind: GuestKind): Tool[] => [
  kind === "container" ? listContainersTool(guests) : listVmsTool(guests),
  statusTool(guests, kind),
  configTool(guests, kind),
];

const listContainersTool = (guests: Guests): Tool =>
  defineTool({
    name: "proxmox_list_containers",
    title: "List containers",
    description:
      "List the LXC containers of this Proxmox VE node; proxmox_resource_usage shows other nodes too.",
    effect: "reads",
    input: z.strictObject({ response_format: responseFormat }),
    output: z.object({
      containers: z.array(z.object({
        ctid: z.number().int(),
        status: z.string().describe("running or stopped"),
        name: z.string(),
        lock: z.string().optional().describe("Task that locks it, e.g. backup"),
        addresses: z.array(z.string()).optional().meta({ unlisted: true }),
      })),
    }),
    async run(_args, context) {
      const rows = await guests.listContainers(context);
      const containers = rows.map(withList);
      return { text: formatContainers(rows), data: { containers } };
    },
  });

const listVmsTool = (guests: Guests): Tool =>
  defineTool({
    name: "proxmox_list_vms",
    title: "List virtual machines",
    description:
      "List the virtual machines of this Proxmox VE node; proxmox_resource_usage shows other nodes too.",
    effect: "reads",
    input: z.strictObject({
      addresses: z.boolean().default(false).describe("Ask the guest agents for addresses"),
      response_format: unlistedFormat,
    }),
    output: z.object({
      vms: z.array(z.object({
        vmid: z.number().int(),
        name: z.string(),
        status: z.string().describe("running, stopped, …"),
        memory_mb: z.number().describe("MiB"),
        bootdisk_gb: z.number().describe("GiB"),
        pid: z.number().int().optional().describe("On the host, while it runs"),
        addresses: z.array(z.string()).optional().meta({ unlisted: true }),
      })),
    }),
    async run({ addresses }, context) {
      const rows = await guests.listVms(addresses, context);
      const vms = rows.map(({ memoryMb, bootDiskGb, ...rest }) => ({
        ...withList(rest),
        memory_mb: memoryMb,
        bootdisk_gb: bootDiskGb,
      }));
      return { text: formatVms(rows), data: { vms } };
    },
  });

interface Addressed {
  readonly addresses?: readonly string[];
}

/** A list of its own for the answer. */
const withList = <Row extends Addressed>({ addresses, ...row }: Row) => ({
  ...row,
  ...(addresses === undefined ? {} : { addresses: [...addresses] }),
});

const formatAddresses = ({ addresses = [] }: Addressed): string =>
  addresses.length === 0 ? "" : ` (${printable(addresses.join(", "))})`;

const STATES = {
  container: "running or stopped",
  vm: "running, stopped, paused, suspended, …",
};

const statusTool = (guests: Guests, kind: GuestKind): Tool =>
  defineTool({
    name: `proxmox_${kind}_status`,
    title: `Read a ${KINDS[kind].noun}'s status`,
    description: `Read whether one ${KINDS[kind].longName} is running.`,
    effect: "reads",
    input: z.strictObject({
      ...targetArgument[kind],
      response_format: kind === "container" ? responseFormat : unlistedFormat,
    }),
    output: z.object({
      status: z.string().describe(STATES[kind]),
      addresses: z.array(z.string()).optional().meta({ unlisted: true }),
    }),
    async run(args, context) {
      const guest = { kind, id: idOf(args) };
      const { status, addresses } = await guests.look(guest, context);
      const has = addresses.length === 0 ? {} : { addresses: [...addresses] };
      return {
        text: `${guestName(guest)} is ${printable(status)}${formatAddresses(has)}`,
        data: { status, ...has },
      };
    },
  });

const rawOutput = {
  container: {
    raw: z.array(z.string()).describe("Lines for LXC itself (lxc.KEY: VALUE)"),
  },
  vm: {},
};

const configTool = (guests: Guests, kind: GuestKind): Tool =>
  defineTool({
    name: `proxmox_${kind}_config`,
    title: `Read a ${KINDS[kind].noun}'s configuration`,
    description: `Read the configuration of one ${
      KINDS[kind].longName
    }: cores, memory (MiB), network, disks, …`,
    effect: "reads",
    input: z.strictObject({ ...targetArgument[kind], response_format: unlistedFormat }),
    output: z.object({
      ...idOutput[kind],
      config: z.record(z.string(), z.string()),
      ...rawOutput[kind],
    }),
    async run(args, context) {
      const guest = { kind, id: idOf(args) };
      const config = await guests.config(guest, context);
      const raw = kind === "container" ? { raw: [...config.raw] } : {};
      const data = { ...targetOf(guest), config: { ...config.options }, ...raw };
      return { text: formatConfig(guest, config), data };
    },
  });

function formatContainers(rows: readonly ContainerRow[]): string {
  if (rows.length === 0) return "No containers found";
  return [
    "CTID | Status  | Name",
    "-".repeat(50),
    ...rows.map(({ ctid, status, name, lock, ...row }) =>
      `${String(ctid).padStart(4)} | ${status.padEnd(7)} | ${printable(name)}` +
      (lock === undefined ? "" : ` (locked: ${printable(lock)})`) + formatAddresses(row)
    ),
  ].join("\n");
}

function formatVms(rows: readonly VmRow[]): string {
  if (rows.length === 0) return "No VMs found";
  return [
    "VMID | Status  | Memory    | Boot disk | Name",
    "-".repeat(60),
    ...rows.map(({ vmid, status, memoryMb, bootDiskGb, name, pid, ...row }) =>
      [
        String(vmid).padStart(4),
        status.padEnd(7),
        `${memoryMb} MiB`.padEnd(9),
        `${bootDiskGb} GiB`.padEnd(9),
        pid === undefined ? printable(name) : `${printable(name)} (pid ${pid})`,
      ].join(" | ") + formatAddresses(row)
    ),
  ].join("\n");
}

const formatConfig = (guest: Guest, { options, raw }: GuestConfig): string =>
  [
    `Configuration of ${guestInText(guest)}`,
    ...Object.entries(options).map(([key, value]) => `${escaped(key)}: ${escaped(value)}`),
    ...raw.map(escaped),
  ].join("\n");

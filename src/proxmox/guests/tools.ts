import { escaped, printable } from "../../errors.ts";
import { z } from "zod";
import {
  defineTool,
  type Effect,
  responseFormat,
  type Tool,
  unlistedFormat,
} from "../../mcp/tool.ts";
import {
  changeTimeoutArgument,
  forceStopArgument,
  graceTimeoutArgument,
  idOf,
  idOutput,
  targetArgument,
  targetOf,
} from "../arguments.ts";
import type { ContainerRow, GuestConfig } from "../parsers/pct.ts";
import type { VmRow } from "../parsers/qm.ts";
import { type Guest, guestInText, type GuestKind, guestName, KINDS } from "./guest.ts";
import type { Changed, Guests, Verb } from "./guests.ts";

/** The tools that list the guests of one kind, read their state and change it. */
export const guestTools = (guests: Guests, kind: GuestKind): Tool[] => [
  kind === "container" ? listContainersTool(guests) : listVmsTool(guests),
  statusTool(guests, kind),
  configTool(guests, kind),
  ...CHANGES.map((change) => changeTool(guests, kind, change)),
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

/** A tool that changes the state, as the model reads of it. */
interface ChangeDescription {
  readonly verb: Verb;
  readonly effect: Effect;
  readonly timeout: typeof changeTimeoutArgument;
  /** True adds the argument `force_stop`. */
  readonly mayForce?: true;
  /** The title of the tool, and the past form for its message. */
  readonly words: (noun: string) => readonly [title: string, done: string];
  /** By kind, because the programs differ in what they do. */
  readonly description: (kind: GuestKind, longName: string) => string;
}

const CHANGES: readonly ChangeDescription[] = [
  {
    verb: "start",
    effect: "changes",
    timeout: changeTimeoutArgument,
    words: (noun) => [`Start a ${noun}`, "started"],
    description: (_kind, longName) =>
      `Start a stopped ${longName}. Fails if it is already running.`,
  },
  {
    verb: "stop",
    effect: "destroys",
    timeout: changeTimeoutArgument,
    words: (noun) => [`Stop a ${noun} at once`, "stopped"],
    description: (kind, longName) =>
      `Kill a running ${longName}; unsaved work is lost. Prefer proxmox_shutdown_${kind}.`,
  },
  {
    verb: "shutdown",
    effect: "destroys",
    timeout: graceTimeoutArgument,
    mayForce: true,
    words: (noun) => [`Shut a ${noun} down`, "shut down"],
    description: (kind, longName) =>
      `Ask a running ${longName} to shut down${
        kind === "vm" ? " (ACPI or guest agent)" : ""
      } and wait. ` +
      "If it does not in time, the call fails and it keeps running, unless force_stop is true.",
  },
  {
    verb: "reboot",
    effect: "destroys",
    timeout: graceTimeoutArgument,
    words: (noun) => [`Reboot a ${noun}`, "rebooted"],
    description: (kind, longName) =>
      kind === "container"
        ? `Shut a running ${longName} down and start it again. If it does not stop in time, it is killed.`
        : `Shut a running ${longName} down and start it again; applies pending configuration. ` +
          "If it does not stop in time, the call fails and it keeps running.",
  },
];

const changeTool = (guests: Guests, kind: GuestKind, change: ChangeDescription): Tool => {
  const { verb, effect, timeout: timeoutArgument, mayForce, words, description } = change;
  const [title, done] = words(KINDS[kind].noun);
  return defineTool({
    name: `proxmox_${verb}_${kind}`,
    title,
    description: description(kind, KINDS[kind].longName),
    effect,
    input: z.strictObject({
      ...targetArgument[kind],
      timeout: timeoutArgument,
      ...(mayForce ? { force_stop: forceStopArgument } : {}),
      response_format: unlistedFormat,
    }),
    output: z.object({
      success: z.literal(true),
      message: z.string(),
      ...idOutput[kind],
      by_ha: z.boolean().optional().describe("HA carried it out"),
      warnings: z.array(z.string()).optional(),
    }),
    async run(args, context) {
      const guest = { kind, id: idOf(args) };
      const force = args.force_stop === true;
      const options = { timeoutMs: args.timeout * 1000, force };
      const changed = await guests.change(guest, verb, options, context);
      return changeAnswer(`${guestName(guest)} ${done} successfully`, guest, changed);
    },
  });
};

function changeAnswer(message: string, guest: Guest, { byHa, warnings }: Changed) {
  const data = {
    success: true as const,
    message,
    ...targetOf(guest),
    ...(byHa ? { by_ha: true } : {}),
    ...(warnings.length === 0 ? {} : { warnings: [...warnings] }),
  };
  const lines = [
    `[SUCCESS] ${message}`,
    ...(byHa ? ["Carried out by HA"] : []),
    ...warnings.map((warning) => `[WARNING] ${printable(warning)}`),
  ];
  return { text: lines.join("\n"), data };
}

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

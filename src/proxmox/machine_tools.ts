import { z } from "zod";
import { defineTool, responseFormat, type Tool } from "../mcp/tool.ts";
import { changedAnswer, machineChanged } from "./answers.ts";
import {
  changeTimeoutArgument,
  forceStopArgument,
  graceTimeoutArgument,
  vmidArgument,
} from "./arguments.ts";
import type { Machines } from "./machines.ts";
import type { MachineRow } from "./qm.ts";

/** The tools that read and change the state of virtual machines. */
export const machineTools = (machines: Machines): Tool[] => [
  ...readingTools(machines),
  ...changingTools(machines),
];

const readingTools = (machines: Machines): Tool[] => [
  defineTool({
    name: "proxmox_list_vms",
    title: "List virtual machines",
    description:
      "List the virtual machines of the Proxmox VE node: ID, name, status, memory and size of the boot disk. VMs " +
      "of other cluster nodes are not among them; proxmox_resource_usage shows those too.",
    effect: "reads",
    input: z.strictObject({ response_format: responseFormat }),
    output: z.object({
      vms: z.array(z.object({
        vmid: z.number().int(),
        name: z.string(),
        status: z.string(),
        memory_mb: z.number().describe("MiB"),
        bootdisk_gb: z.number().describe("GiB"),
        pid: z.number().int().optional().describe("Process on the host, while it runs"),
      })),
    }),
    async run(_args, context) {
      const rows = await machines.list(context);
      const vms = rows.map(({ memoryMb, bootDiskGb, ...rest }) => ({
        ...rest,
        memory_mb: memoryMb,
        bootdisk_gb: bootDiskGb,
      }));
      return { text: formatList(rows), data: { vms } };
    },
  }),
  defineTool({
    name: "proxmox_vm_status",
    title: "Read a VM's status",
    description:
      "Tell the state of a virtual machine: running, stopped, paused, suspended or another.",
    effect: "reads",
    input: z.strictObject({ vmid: vmidArgument, response_format: responseFormat }),
    output: z.object({ status: z.string() }),
    async run({ vmid }, context) {
      const status = await machines.status(vmid, context);
      return { text: `VM ${vmid} is ${status}`, data: { status } };
    },
  }),
];

const changingTools = (machines: Machines): Tool[] => [
  defineTool({
    name: "proxmox_start_vm",
    title: "Start a VM",
    description: "Start a stopped virtual machine. An error says so if it runs already.",
    effect: "changes",
    input: z.strictObject({
      vmid: vmidArgument,
      timeout: changeTimeoutArgument,
      response_format: responseFormat,
    }),
    output: machineChanged,
    async run({ vmid, timeout }, context) {
      const changed = await machines.start(vmid, timeout * 1000, context);
      return changedAnswer(`VM ${vmid} started successfully`, { vmid }, changed);
    },
  }),
  defineTool({
    name: "proxmox_shutdown_vm",
    title: "Shut a VM down",
    description:
      "Ask a running virtual machine to shut itself down (ACPI or guest agent) and wait for it. Without " +
      "force_stop a VM that does not stop in time keeps running, which is an error.",
    effect: "destroys",
    input: z.strictObject({
      vmid: vmidArgument,
      timeout: graceTimeoutArgument,
      force_stop: forceStopArgument,
      response_format: responseFormat,
    }),
    output: machineChanged,
    async run({ vmid, timeout, force_stop: force }, context) {
      const changed = await machines.shutdown(vmid, { graceMs: timeout * 1000, force }, context);
      return changedAnswer(`VM ${vmid} shut down successfully`, { vmid }, changed);
    },
  }),
  defineTool({
    name: "proxmox_stop_vm",
    title: "Stop a VM at once",
    description:
      "Kill a running virtual machine, like pulling the plug. Unsaved work in it is lost: prefer " +
      "proxmox_shutdown_vm. An error says so if it does not run.",
    effect: "destroys",
    input: z.strictObject({
      vmid: vmidArgument,
      timeout: changeTimeoutArgument,
      response_format: responseFormat,
    }),
    output: machineChanged,
    async run({ vmid, timeout }, context) {
      const changed = await machines.stop(vmid, timeout * 1000, context);
      return changedAnswer(`VM ${vmid} stopped successfully`, { vmid }, changed);
    },
  }),
];

function formatList(rows: readonly MachineRow[]): string {
  if (rows.length === 0) return "No VMs found";
  return [
    "VMID | Status  | Memory    | Boot disk | Name",
    "-".repeat(60),
    ...rows.map(({ vmid, status, memoryMb, bootDiskGb, name }) =>
      [
        String(vmid).padStart(4),
        status.padEnd(7),
        `${memoryMb} MiB`.padEnd(9),
        `${bootDiskGb} GiB`.padEnd(9),
        name,
      ].join(" | ")
    ),
  ].join("\n");
}

import { z } from "zod";
import { defineTool, responseFormat, type Tool } from "../mcp/tool.ts";
import { changedAnswer, containerChanged } from "./answers.ts";
import {
  changeTimeoutArgument,
  ctidArgument,
  forceStopArgument,
  graceTimeoutArgument,
} from "./arguments.ts";
import type { Containers } from "./containers.ts";
import type { ContainerRow, GuestConfig } from "./pct.ts";

/** The tools that read and change the state of containers. */
export const containerTools = (containers: Containers): Tool[] => [
  ...readingTools(containers),
  ...changingTools(containers),
];

const readingTools = (containers: Containers): Tool[] => [
  defineTool({
    name: "proxmox_list_containers",
    title: "List containers",
    description:
      "List the LXC containers of the Proxmox VE node: ID, status, name and lock. Containers of other " +
      "cluster nodes are not among them; proxmox_resource_usage shows those too.",
    effect: "reads",
    input: z.strictObject({ response_format: responseFormat }),
    output: z.object({
      containers: z.array(z.object({
        ctid: z.number().int(),
        status: z.string().describe("running or stopped"),
        name: z.string(),
        lock: z.string().optional().describe("Task that has it locked, for example backup"),
      })),
    }),
    async run(_args, context) {
      const rows = await containers.list(context);
      return { text: formatList(rows), data: { containers: rows } };
    },
  }),
  defineTool({
    name: "proxmox_container_status",
    title: "Read a container's status",
    description: "Tell whether an LXC container is running or stopped.",
    effect: "reads",
    input: z.strictObject({ ctid: ctidArgument, response_format: responseFormat }),
    output: z.object({ status: z.string().describe("running or stopped") }),
    async run({ ctid }, context) {
      const status = await containers.status(ctid, context);
      return { text: `Container ${ctid} is ${status}`, data: { status } };
    },
  }),
  defineTool({
    name: "proxmox_container_config",
    title: "Read a container's configuration",
    description:
      "Show the configuration of an LXC container: cores, memory (MiB), network, disks, description and so on.",
    effect: "reads",
    input: z.strictObject({ ctid: ctidArgument, response_format: responseFormat }),
    output: z.object({
      ctid: z.number().int(),
      config: z.record(z.string(), z.string()),
      raw: z.array(z.string()).describe("Lines that go to LXC as they are (lxc.KEY: VALUE)"),
    }),
    async run({ ctid }, context) {
      const config = await containers.config(ctid, context);
      const data = { ctid, config: { ...config.options }, raw: [...config.raw] };
      return { text: formatConfig(ctid, config), data };
    },
  }),
];

const changingTools = (containers: Containers): Tool[] => [
  defineTool({
    name: "proxmox_start_container",
    title: "Start a container",
    description: "Start a stopped LXC container. An error says so if it runs already.",
    effect: "changes",
    input: z.strictObject({
      ctid: ctidArgument,
      timeout: changeTimeoutArgument,
      response_format: responseFormat,
    }),
    output: containerChanged,
    async run({ ctid, timeout }, context) {
      const changed = await containers.start(ctid, timeout * 1000, context);
      return changedAnswer(`Container ${ctid} started successfully`, { ctid }, changed);
    },
  }),
  defineTool({
    name: "proxmox_stop_container",
    title: "Stop a container at once",
    description:
      "Kill a running LXC container, like pulling the plug. Unsaved work in it is lost: prefer " +
      "proxmox_shutdown_container. An error says so if it does not run.",
    effect: "destroys",
    input: z.strictObject({
      ctid: ctidArgument,
      timeout: changeTimeoutArgument,
      response_format: responseFormat,
    }),
    output: containerChanged,
    async run({ ctid, timeout }, context) {
      const changed = await containers.stop(ctid, timeout * 1000, context);
      return changedAnswer(`Container ${ctid} stopped successfully`, { ctid }, changed);
    },
  }),
  defineTool({
    name: "proxmox_shutdown_container",
    title: "Shut a container down",
    description:
      "Ask a running LXC container to shut itself down and wait for it. Without force_stop a container " +
      "that does not stop in time keeps running, which is an error.",
    effect: "destroys",
    input: z.strictObject({
      ctid: ctidArgument,
      timeout: graceTimeoutArgument,
      force_stop: forceStopArgument,
      response_format: responseFormat,
    }),
    output: containerChanged,
    async run({ ctid, timeout, force_stop: force }, context) {
      const changed = await containers.shutdown(ctid, { graceMs: timeout * 1000, force }, context);
      return changedAnswer(`Container ${ctid} shut down successfully`, { ctid }, changed);
    },
  }),
  defineTool({
    name: "proxmox_reboot_container",
    title: "Reboot a container",
    description:
      "Shut a running LXC container down and start it again. What does not stop in time is killed.",
    effect: "destroys",
    input: z.strictObject({
      ctid: ctidArgument,
      timeout: graceTimeoutArgument,
      response_format: responseFormat,
    }),
    output: containerChanged,
    async run({ ctid, timeout }, context) {
      const changed = await containers.reboot(ctid, timeout * 1000, context);
      return changedAnswer(`Container ${ctid} rebooted successfully`, { ctid }, changed);
    },
  }),
];

function formatList(rows: readonly ContainerRow[]): string {
  if (rows.length === 0) return "No containers found";
  return [
    "CTID | Status  | Name",
    "-".repeat(50),
    ...rows.map(({ ctid, status, name, lock }) =>
      `${String(ctid).padStart(4)} | ${status.padEnd(7)} | ${name}` +
      (lock === undefined ? "" : ` (locked: ${lock})`)
    ),
  ].join("\n");
}

const formatConfig = (ctid: number, { options, raw }: GuestConfig): string =>
  [
    `Configuration of container ${ctid}`,
    ...Object.entries(options).map(([key, value]) => `${key}: ${value}`),
    ...raw,
  ].join("\n");

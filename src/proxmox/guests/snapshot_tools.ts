import { printable } from "../../errors.ts";
import { z } from "zod";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import { ctidArgument } from "../../mcp/arguments.ts";
import { longOutput } from "../../mcp/long_calls.ts";
import { goesOn, snapshotArgument, taskTimeoutArgument } from "../arguments.ts";
import { isRunning } from "../host.ts";
import { isoTime } from "../format.ts";
import type { Snapshots } from "../parsers/pvesh.ts";
import type { ContainerSnapshots } from "./snapshots.ts";

const done = longOutput(z.object({
  success: z.literal(true),
  message: z.string(),
  ctid: z.number().int().meta({ unlisted: true }),
  snapshot: z.string().meta({ unlisted: true }),
}));

/** The tool that shows the result of a task that went on. */
const CHECK = "proxmox_list_snapshots";

/** The arguments of a tool that changes one existing snapshot. */
const oneSnapshot = z.strictObject({
  ctid: ctidArgument,
  snapshot: snapshotArgument,
  timeout: taskTimeoutArgument(600),
  response_format: unlistedFormat,
});

/** The tools for snapshots of containers. */
export const snapshotTools = (snapshots: ContainerSnapshots): Tool[] => [
  listTool(snapshots),
  createTool(snapshots),
  rollbackTool(snapshots),
  deleteTool(snapshots),
];

const listTool = (snapshots: ContainerSnapshots): Tool =>
  defineTool({
    name: "proxmox_list_snapshots",
    title: "List a container's snapshots",
    description: "List the snapshots of an LXC container, oldest first.",
    effect: "reads",
    input: z.strictObject({ ctid: ctidArgument, response_format: unlistedFormat }),
    output: z.object({
      ctid: z.number().int().meta({ unlisted: true }),
      snapshots: z.array(z.object({
        name: z.string(),
        description: z.string(),
        created: z.string().optional(),
        parent: z.string().optional(),
        state: z.string().optional().describe(
          "Set while it is made or deleted, or if that failed",
        ),
      })),
      current_parent: z.string().optional().describe("Base of the current state"),
    }),
    async run({ ctid }, context) {
      const found = await snapshots.list(ctid, context);
      const data = {
        ctid,
        snapshots: found.snapshots.map(({ createdAt, ...rest }) => ({
          ...rest,
          ...(createdAt === undefined ? {} : { created: isoTime(createdAt) }),
        })),
        ...(found.parent === undefined ? {} : { current_parent: found.parent }),
      };
      return { text: format(ctid, found), data };
    },
  });

const createTool = (snapshots: ContainerSnapshots): Tool =>
  defineTool({
    name: "proxmox_create_snapshot",
    title: "Create a snapshot",
    description: "Snapshot an LXC container's disks and configuration. It keeps running.",
    effect: "changes",
    input: z.strictObject({
      ctid: ctidArgument,
      snapshot: snapshotArgument,
      description: z.string().max(1000).refine((text) => !text.includes("\0"), {
        error: "A description cannot contain NUL",
      }).optional().describe(
        "E.g. before the upgrade to 12",
      ),
      timeout: taskTimeoutArgument(600),
      response_format: unlistedFormat,
    }),
    output: done,
    async run({ ctid, snapshot, description, timeout }, context) {
      const timeoutMs = timeout * 1000;
      const running = await snapshots.create(ctid, { snapshot, description, timeoutMs }, context);
      if (running) return goesOn(`The snapshot of container ${ctid}`, running, CHECK);
      return finished(`Snapshot "${snapshot}" of container ${ctid} created`, { ctid, snapshot });
    },
  });

const rollbackTool = (snapshots: ContainerSnapshots): Tool =>
  defineTool({
    name: "proxmox_rollback_snapshot",
    title: "Roll back to a snapshot",
    description:
      "Restore an LXC container's disks and configuration from a snapshot; all later changes are lost. A " +
      "running container is STOPPED (killed) first and stays stopped: start it with proxmox_start_container.",
    effect: "destroys",
    input: oneSnapshot,
    output: done.extend({
      status: z.string().optional().describe("Usually stopped"),
    }),
    async run({ ctid, snapshot, timeout }, context) {
      const timeoutMs = timeout * 1000;
      const status = await snapshots.rollback(ctid, { snapshot, timeoutMs }, context);
      if (isRunning(status)) return goesOn(`The rollback of container ${ctid}`, status, CHECK);
      const message =
        `Container ${ctid} rolled back to snapshot "${snapshot}"; it is now ${status}`;
      const { text, data } = finished(message, { ctid, snapshot });
      return { text, data: { ...data, status } };
    },
  });

const deleteTool = (snapshots: ContainerSnapshots): Tool =>
  defineTool({
    name: "proxmox_delete_snapshot",
    title: "Delete a snapshot",
    description:
      "Delete a snapshot of an LXC container for good. The container itself does not change.",
    effect: "destroys",
    input: oneSnapshot,
    output: done,
    async run({ ctid, snapshot, timeout }, context) {
      const timeoutMs = timeout * 1000;
      const running = await snapshots.remove(ctid, { snapshot, timeoutMs }, context);
      if (running) return goesOn(`Deleting the snapshot of container ${ctid}`, running, CHECK);
      return finished(`Snapshot "${snapshot}" of container ${ctid} deleted`, { ctid, snapshot });
    },
  });

function finished(message: string, subject: { readonly ctid: number; readonly snapshot: string }) {
  return { text: `[SUCCESS] ${message}`, data: { success: true as const, message, ...subject } };
}

function format(ctid: number, { snapshots, parent }: Snapshots): string {
  if (snapshots.length === 0) return `Container ${ctid} has no snapshots`;
  return [
    `Snapshots of container ${ctid}`,
    ...snapshots.map(({ name, createdAt, description, parent, state }) =>
      [
        createdAt === undefined ? "" : isoTime(createdAt),
        printable(name),
        ...(state === undefined ? [] : [`[${state}]`]),
        ...(parent === undefined ? [] : [`(after ${printable(parent)})`]),
        printable(description),
      ]
        .filter((word) => word !== "").map(printable).join("  ")
    ),
    `The current state is based on: ${printable(parent ?? "no snapshot")}`,
  ].join("\n");
}

import * as z from "zod";
import { printable } from "../../errors.ts";
import { longOutput } from "../../mcp/long_calls.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import {
  goesOn,
  idOf,
  idOutput,
  snapshotArgument,
  targetArgument,
  targetOf,
  taskTimeoutArgument,
} from "../arguments.ts";
import { isoTime } from "../format.ts";
import { isRunning, type RunningTask } from "../host.ts";
import type { Snapshots } from "../parsers/pvesh.ts";
import {
  type Guest,
  guestInText,
  type GuestKind,
  guestName,
  KINDS,
  snapshotTool,
} from "./guest.ts";
import type { GuestSnapshots } from "./snapshots.ts";

const timeoutArgument = {
  container: taskTimeoutArgument(600),
  vm: taskTimeoutArgument(3600).meta({ unlisted: true }),
};

const flag = z.boolean().default(false);

/** Only VMs have RAM that can be saved. */
const ramArgument: Readonly<Record<GuestKind, { include_ram?: typeof flag }>> = {
  container: {},
  vm: { include_ram: flag.describe("Save its memory too") },
};

const ramOutput: Readonly<Record<GuestKind, { includes_ram?: z.ZodBoolean }>> = {
  container: {},
  vm: { includes_ram: z.boolean().describe("A rollback to it leaves the VM running") },
};

const startArgument: Readonly<Record<GuestKind, { start?: typeof flag }>> = {
  container: {},
  vm: { start: flag },
};

const done = (kind: GuestKind) =>
  z.object({
    success: z.literal(true),
    message: z.string(),
    ...idOutput[kind],
    snapshot: z.string().meta({ unlisted: true }),
  });

/** The arguments of a tool that changes one existing snapshot. */
const oneSnapshot = (kind: GuestKind) =>
  z.strictObject({
    ...targetArgument[kind],
    snapshot: snapshotArgument,
    timeout: timeoutArgument[kind],
    response_format: unlistedFormat,
  });

const DESCRIPTIONS = {
  create: {
    container: "Snapshot an LXC container's disks and configuration. It keeps running.",
    vm: "Snapshot a VM's disks and configuration. It keeps running.",
  },
  rollback: {
    container:
      "Restore an LXC container's disks and configuration from a snapshot; all later changes are lost. A " +
      "running container is STOPPED (killed) first and stays stopped: start it with proxmox_start_container.",
    vm:
      "Restore a VM's disks and configuration from a snapshot; all later changes are lost. A running VM is " +
      "KILLED first; it runs again only with start or a snapshot with RAM.",
  },
  delete: {
    container:
      "Delete a snapshot of an LXC container for good. The container itself does not change.",
    vm: "Delete a snapshot of a virtual machine for good. The VM itself does not change.",
  },
};

const LISTED = { container: "an LXC container", vm: "a virtual machine" };

/** Adds the kind to a title. The tools for containers are older and do not name it. */
const titled = (kind: GuestKind, title: string) => kind === "vm" ? `${title} of a VM` : title;

/** The tools for snapshots of the guests of one kind. */
export const snapshotTools = (snapshots: GuestSnapshots, kind: GuestKind): Tool[] => [
  listTool(snapshots, kind),
  createTool(snapshots, kind),
  rollbackTool(snapshots, kind),
  deleteTool(snapshots, kind),
];

const listTool = (snapshots: GuestSnapshots, kind: GuestKind): Tool =>
  defineTool({
    name: snapshotTool(kind, "list"),
    title: `List a ${KINDS[kind].noun}'s snapshots`,
    description: `List the snapshots of ${LISTED[kind]}, oldest first.`,
    effect: "reads",
    input: z.strictObject({ ...targetArgument[kind], response_format: unlistedFormat }),
    output: z.object({
      ...idOutput[kind],
      snapshots: z.array(z.object({
        name: z.string(),
        description: z.string(),
        created: z.string().optional(),
        parent: z.string().optional(),
        ...ramOutput[kind],
        state: z.string().optional().describe(
          "Set while it is made or deleted, or if that failed",
        ),
      })),
      current_parent: z.string().optional().describe("Base of the current state"),
    }),
    async run(target, context) {
      const guest = { kind, id: idOf(target) };
      const found = await snapshots.list(guest, context);
      const data = {
        ...targetOf(guest),
        snapshots: found.snapshots.map(({ createdAt, includesRam = false, ...rest }) => ({
          ...rest,
          ...(createdAt === undefined ? {} : { created: isoTime(createdAt) }),
          ...(kind === "vm" ? { includes_ram: includesRam } : {}),
        })),
        ...(found.parent === undefined ? {} : { current_parent: found.parent }),
      };
      return { text: format(guest, found), data };
    },
  });

const createTool = (snapshots: GuestSnapshots, kind: GuestKind): Tool =>
  defineTool({
    name: snapshotTool(kind, "create"),
    title: titled(kind, "Create a snapshot"),
    description: DESCRIPTIONS.create[kind],
    effect: "changes",
    input: z.strictObject({
      ...targetArgument[kind],
      snapshot: snapshotArgument,
      description: z.string().max(1000).refine((text) => !text.includes("\0"), {
        error: "A description cannot contain NUL",
      }).optional().describe(
        "E.g. before the upgrade to 12",
      ),
      ...ramArgument[kind],
      timeout: timeoutArgument[kind],
      response_format: unlistedFormat,
    }),
    output: longOutput(done(kind).extend(ramOutput[kind])),
    async run({ snapshot, description, include_ram, timeout, ...target }, context) {
      const guest = { kind, id: idOf(target) };
      const wantsRam = include_ram === true;
      const timeoutMs = timeout * 1000;
      const order = { snapshot, description, includesRam: wantsRam, timeoutMs };
      const made = await snapshots.create(guest, order, context);
      if (isRunning(made)) return stillRunning(guest, `Creating the snapshot "${snapshot}"`, made);
      const { includesRam } = made;
      const ram = includesRam
        ? " with its RAM"
        : wantsRam
        ? " without RAM: the VM was not running"
        : "";
      const { text, data } = finished(guest, snapshot, `${named(guest, snapshot)} created${ram}`);
      return { text, data: { ...data, ...(kind === "vm" ? { includes_ram: includesRam } : {}) } };
    },
  });

const rollbackTool = (snapshots: GuestSnapshots, kind: GuestKind): Tool =>
  defineTool({
    name: snapshotTool(kind, "rollback"),
    title: kind === "vm" ? "Roll a VM back to a snapshot" : "Roll back to a snapshot",
    description: DESCRIPTIONS.rollback[kind],
    effect: "destroys",
    input: oneSnapshot(kind).extend(startArgument[kind]),
    output: longOutput(done(kind)).extend({
      status: z.string().optional().describe(
        kind === "vm" ? "running or stopped" : "Usually stopped",
      ),
    }),
    async run({ snapshot, start, timeout, ...target }, context) {
      const guest = { kind, id: idOf(target) };
      const order = { snapshot, start: start === true, timeoutMs: timeout * 1000 };
      const rolled = await snapshots.rollback(guest, order, context);
      if (isRunning(rolled)) {
        return stillRunning(guest, `Rolling back to the snapshot "${snapshot}"`, rolled);
      }
      const { status, byHa } = rolled;
      const message =
        `${guestName(guest)} rolled back to snapshot "${snapshot}"; it is now ${status}` +
        (byHa ? ", and HA was asked to start it" : "");
      const { text, data } = finished(guest, snapshot, message);
      return { text, data: { ...data, status } };
    },
  });

const deleteTool = (snapshots: GuestSnapshots, kind: GuestKind): Tool =>
  defineTool({
    name: snapshotTool(kind, "delete"),
    title: titled(kind, "Delete a snapshot"),
    description: DESCRIPTIONS.delete[kind],
    effect: "destroys",
    input: oneSnapshot(kind),
    output: longOutput(done(kind)),
    async run({ snapshot, timeout, ...target }, context) {
      const guest = { kind, id: idOf(target) };
      const running = await snapshots.remove(
        guest,
        { snapshot, timeoutMs: timeout * 1000 },
        context,
      );
      if (running) return stillRunning(guest, `Deleting the snapshot "${snapshot}"`, running);
      return finished(guest, snapshot, `${named(guest, snapshot)} deleted`);
    },
  });

const named = (guest: Guest, snapshot: string): string =>
  `Snapshot "${snapshot}" of ${guestInText(guest)}`;

const stillRunning = (guest: Guest, action: string, task: RunningTask) =>
  goesOn(`${action} of ${guestInText(guest)}`, task, snapshotTool(guest.kind, "list"));

function finished(guest: Guest, snapshot: string, message: string) {
  const data = { success: true as const, message, ...targetOf(guest), snapshot };
  return { text: `[SUCCESS] ${message}`, data };
}

function format(guest: Guest, { snapshots, parent }: Snapshots): string {
  if (snapshots.length === 0) return `${guestName(guest)} has no snapshots`;
  return [
    `Snapshots of ${guestInText(guest)}`,
    ...snapshots.map(({ name, createdAt, description, parent, state, includesRam }) =>
      [
        createdAt === undefined ? "" : isoTime(createdAt),
        printable(name),
        ...(state === undefined ? [] : [`[${state}]`]),
        ...(parent === undefined ? [] : [`(after ${printable(parent)})`]),
        ...(includesRam ? ["(with RAM)"] : []),
        printable(description),
      ]
        .filter((word) => word !== "").map(printable).join("  ")
    ),
    `The current state is based on: ${printable(parent ?? "no snapshot")}`,
  ].join("\n");
}

import * as z from "zod";
import { printable } from "../../errors.ts";
import { longOutput } from "../../mcp/long_calls.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import {
  goesOn,
  idOf,
  idOutput,
  targetArgument,
  targetOf,
  taskTimeoutArgument,
} from "../arguments.ts";
import { formatBytes } from "../format.ts";
import { isRunning } from "../host.ts";
import type { GuestDisks } from "./disks.ts";
import { guestInText, type GuestKind, guestName, KINDS } from "./guest.ts";

/** The tools that enlarge disks of the guests of one kind and convert guests to templates. */
export const diskTools = (disks: GuestDisks, kind: GuestKind): Tool[] => [
  resizeTool(disks, kind),
  convertTool(disks, kind),
];

const GROWS = {
  container: "its file system grows too",
  vm: "its partitions do not: grow them in the guest",
};

const DISK_EXAMPLE = { container: "E.g. rootfs or mp0", vm: "E.g. scsi0 or virtio0" };

const resizeTool = (disks: GuestDisks, kind: GuestKind): Tool =>
  defineTool({
    name: `proxmox_resize_${kind}`,
    title: `Enlarge a ${KINDS[kind].noun}'s disk`,
    description: `Enlarge a disk of one ${KINDS[kind].longName}; ${GROWS[kind]}. Cannot be undone.`,
    effect: "destroys",
    input: z.strictObject({
      ...targetArgument[kind],
      disk: z.string().max(20).regex(/^[a-z]+\d*$/).describe(DISK_EXAMPLE[kind]),
      size: z.string().max(20).regex(/^\+?\d+(?:\.\d+)?[KMGT]$/, {
        error: "A size is a number and K, M, G or T, like 50G, or with + to add it, like +10G",
      }).describe("E.g. +10G, or 50G in total"),
      timeout: taskTimeoutArgument(3600).meta({ unlisted: true }),
      response_format: unlistedFormat,
    }),
    output: longOutput(z.object({
      success: z.literal(true),
      message: z.string(),
      ...idOutput[kind],
      before_bytes: z.number(),
      after_bytes: z.number(),
      warnings: z.array(z.string()).meta({ unlisted: true }),
    })),
    async run({ disk, size, timeout, ...target }, context) {
      const guest = { kind, id: idOf(target) };
      const order = { disk, size, timeoutMs: timeout * 1000 };
      const resized = await disks.resize(guest, order, context);
      if (isRunning(resized)) {
        const action = `Resizing ${disk} of ${guestInText(guest)}`;
        return goesOn(action, resized, `proxmox_${kind}_config`);
      }
      const { beforeBytes, afterBytes, warning } = resized;
      const message = `${guestName(guest)}: ${disk} enlarged`;
      const data = {
        success: true as const,
        message,
        ...targetOf(guest),
        before_bytes: beforeBytes,
        after_bytes: afterBytes,
        ...(warning === undefined ? {} : { warnings: [warning] }),
      };
      const text = [
        `[SUCCESS] ${message}: ${formatBytes(beforeBytes)} -> ${formatBytes(afterBytes)}`,
        ...(warning === undefined ? [] : [`[WARNING] ${printable(warning)}`]),
      ];
      return { text: text.join("\n"), data };
    },
  });

const convertTool = (disks: GuestDisks, kind: GuestKind): Tool =>
  defineTool({
    name: `proxmox_convert_${kind}_to_template`,
    title: `Convert a ${KINDS[kind].noun} to a template`,
    description: `Convert a stopped ${
      KINDS[kind].longName
    } to a template for clones. It cannot start any more, and this cannot be undone.`,
    effect: "destroys",
    input: z.strictObject({
      ...targetArgument[kind],
      timeout: taskTimeoutArgument(3600).meta({ unlisted: true }),
      response_format: unlistedFormat,
    }),
    output: longOutput(z.object({
      success: z.literal(true),
      message: z.string(),
      ...idOutput[kind],
      disks: z.array(z.string()),
      unchanged: z.array(z.string()).describe("Disks that linked clones cannot use"),
    })),
    async run({ timeout, ...target }, context) {
      const guest = { kind, id: idOf(target) };
      const converted = await disks.convert(guest, timeout * 1000, context);
      if (isRunning(converted)) {
        const action = `Converting ${guestInText(guest)}`;
        return goesOn(action, converted, `proxmox_${kind}_config`);
      }
      const { unchanged } = converted;
      const message = `${guestName(guest)} is a template now`;
      const data = {
        success: true as const,
        message,
        ...targetOf(guest),
        disks: [...converted.disks],
        unchanged: [...unchanged],
      };
      const text = [
        `[SUCCESS] ${message}`,
        `Disks: ${converted.disks.join(", ") || "none"}`,
        ...(unchanged.length === 0
          ? []
          : [`[WARNING] Linked clones cannot use ${unchanged.join(", ")}`]),
      ];
      return { text: text.join("\n"), data };
    },
  });

import * as z from "zod";
import { printable } from "../../errors.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import { guestArgument } from "../../mcp/arguments.ts";
import { formatBytes, isoTime } from "../format.ts";
import { longOutput } from "../../mcp/long_calls.ts";
import { goesOn, storageArgument, taskTimeoutArgument } from "../arguments.ts";
import { isRunning } from "../host.ts";
import type { BackupList, Backups, StoredBackup } from "./backups.ts";

const backupOutput = z.object({
  volid: z.string().describe("For a restore, e.g. local:backup/…"),
  storage: z.string(),
  vmid: z.number().int().optional(),
  type: z.string().optional().describe("lxc or qemu"),
  format: z.string().optional(),
  size_bytes: z.number().optional(),
  created: z.string().optional(),
  notes: z.string().optional(),
  protected: z.boolean().optional().describe("It cannot be deleted"),
});

/** The tools for backups of containers and VMs. */
export const backupTools = (backups: Backups): Tool[] => [
  createTool(backups),
  listTool(backups),
];

const createTool = (backups: Backups): Tool =>
  defineTool({
    name: "proxmox_backup",
    title: "Back up a container or VM",
    description:
      "Back up one container or VM with vzdump; older backups are kept. A long one answers early with a job_id.",
    effect: "changes",
    input: z.strictObject({
      vmid: guestArgument,
      storage: storageArgument.optional().describe(
        "E.g. local; default: vzdump's own",
      ),
      mode: z.enum(["snapshot", "suspend", "stop"]).default("snapshot").describe(
        "snapshot: the guest keeps running; suspend: paused briefly; stop: shut down meanwhile",
      ),
      timeout: taskTimeoutArgument(3600),
      response_format: unlistedFormat,
    }),
    output: longOutput(z.object({
      success: z.literal(true),
      message: z.string(),
      ...backupOutput.shape,
      vmid: z.number().int(),
      path: z.string().describe("Archive, as vzdump's log names it"),
      warnings: z.array(z.string()),
    })),
    async run({ vmid, storage, mode, timeout }, context) {
      const order = { vmid, storage, mode, timeoutMs: timeout * 1000 };
      const backup = await backups.create(order, context);
      if (isRunning(backup)) {
        return goesOn(`The backup of ${vmid}`, backup, "proxmox_list_backups");
      }
      const { archive, kind, size, stored, warnings } = backup;
      const message = `Backup of ${vmid} finished: ${stored?.volid ?? archive}`;
      const data = {
        success: true as const,
        message,
        ...(kind === undefined ? {} : { type: kind }),
        ...(size === undefined ? {} : { size_bytes: size }),
        ...(stored === undefined ? {} : shown(stored)),
        vmid,
        path: archive,
        ...(warnings.length === 0 ? {} : { warnings: [...warnings] }),
      };
      const lines = [
        `[SUCCESS] ${printable(message)}`,
        `Path: ${archive}`,
        ...(size === undefined ? [] : [`Size: ${formatBytes(size)}`]),
        ...(stored === undefined ? [] : [formatBackup(stored)]),
      ];
      return {
        text: [...lines, ...warnings.map((text) => `[WARNING] ${printable(text)}`)].join("\n"),
        data,
      };
    },
  });

const listTool = (backups: Backups): Tool =>
  defineTool({
    name: "proxmox_list_backups",
    title: "List backups",
    description: "List the backups on the node's storages, oldest first.",
    effect: "reads",
    input: z.strictObject({
      vmid: guestArgument.optional().describe(
        "Only this container or VM, e.g. 101",
      ),
      storage: storageArgument.optional().describe(
        "Only this storage, e.g. local",
      ),
      response_format: unlistedFormat,
    }),
    output: z.object({
      backups: z.array(backupOutput),
      unreadable: z.array(z.object({ storage: z.string(), reason: z.string() })).optional()
        .describe("Storages that are missing from the list"),
    }),
    async run({ vmid, storage }, context) {
      const found = await backups.list({ vmid, storage }, context);
      const { unreadable } = found;
      const data = {
        backups: found.backups.map(shown),
        ...(unreadable.length === 0 ? {} : { unreadable: [...unreadable] }),
      };
      return { text: format(found), data };
    },
  });

function shown(backup: StoredBackup): z.infer<typeof backupOutput> {
  const { volid, storage, vmid, subtype, format, size, ctime, notes } = backup;
  return {
    volid,
    storage,
    ...(size === undefined ? {} : { size_bytes: size }),
    ...(vmid === undefined ? {} : { vmid }),
    ...(subtype === undefined ? {} : { type: subtype }),
    ...(format === undefined ? {} : { format }),
    ...(ctime === undefined ? {} : { created: isoTime(ctime) }),
    ...(notes === undefined ? {} : { notes }),
    ...(backup.protected === undefined ? {} : { protected: backup.protected !== 0 }),
  };
}

function format({ backups, unreadable }: BackupList): string {
  return [
    backups.length === 0 ? "No backups found" : formatBackups(backups),
    ...unreadable.map(({ reason }) => `[WARNING] ${printable(reason)}`),
  ].join("\n");
}

function formatBackups(found: readonly StoredBackup[]): string {
  return found.map(formatBackup).join("\n");
}

function formatBackup(backup: StoredBackup): string {
  const { ctime, vmid, size, volid, notes, subtype, format, storage } = backup;
  return [
    ctime === undefined ? "" : isoTime(ctime),
    String(vmid ?? ""),
    (size === undefined ? "?" : formatBytes(size)).padStart(10),
    printable(volid),
    [`on ${storage}`, subtype, format, backup.protected ? "protected" : undefined]
      .filter((word) => word !== undefined).map(printable).join(", "),
    printable(notes ?? ""),
  ].join("  ").trimEnd();
}

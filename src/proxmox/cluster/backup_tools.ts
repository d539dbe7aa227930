import { z } from "zod";
import { defineTool, responseFormat, type Tool } from "../../mcp/tool.ts";
import { guestArgument } from "../../mcp/arguments.ts";
import { formatBytes, isoTime } from "../format.ts";
import { storageArgument, taskTimeoutArgument } from "../arguments.ts";
import type { BackupList, Backups, StoredBackup } from "./backups.ts";

const backupOutput = z.object({
  volid: z.string().describe("Name to restore the backup by, like local:backup/vzdump-lxc-…"),
  storage: z.string(),
  vmid: z.number().int().optional(),
  type: z.string().optional().describe("lxc or qemu"),
  format: z.string().optional(),
  size_bytes: z.number().optional(),
  created: z.string().optional().describe("UTC, ISO 8601"),
  notes: z.string().optional(),
  protected: z.boolean().optional(),
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
      "Back up one container or VM with vzdump and wait for the end. Older backups are kept. In mode snapshot the " +
      "guest keeps running, suspend pauses it briefly, stop shuts it down for the whole backup and starts it again.",
    effect: "changes",
    input: z.strictObject({
      vmid: guestArgument,
      storage: storageArgument.optional().describe(
        "Storage for the backup, for example local; default: the one that vzdump is configured for",
      ),
      mode: z.enum(["snapshot", "suspend", "stop"]).default("snapshot")
        .describe("What happens to the guest during the backup, for example snapshot"),
      timeout: taskTimeoutArgument(3600),
      response_format: responseFormat,
    }),
    output: z.object({
      success: z.literal(true),
      message: z.string(),
      ...backupOutput.partial().shape,
      vmid: z.number().int(),
      path: z.string().describe("Archive, as the log of vzdump names it"),
      warnings: z.array(z.string()).optional(),
    }),
    async run({ vmid, storage, mode, timeout }, context) {
      const order = { vmid, storage, mode, timeoutMs: timeout * 1000 };
      const { archive, kind, size, stored, warnings } = await backups.create(order, context);
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
        `[SUCCESS] ${message}`,
        ...(size === undefined ? [] : [`Size: ${formatBytes(size)}`]),
      ];
      return { text: [...lines, ...warnings.map((text) => `[WARNING] ${text}`)].join("\n"), data };
    },
  });

const listTool = (backups: Backups): Tool =>
  defineTool({
    name: "proxmox_list_backups",
    title: "List backups",
    description:
      "List the backups on the node's storages, oldest first. Storages that cannot be read are named.",
    effect: "reads",
    input: z.strictObject({
      vmid: guestArgument.optional().describe(
        "ID of the container or VM whose backups to list, for example 101",
      ),
      storage: storageArgument.optional().describe(
        "Storage whose backups to list, for example local",
      ),
      response_format: responseFormat,
    }),
    output: z.object({
      backups: z.array(backupOutput),
      unreadable: z.array(z.object({ storage: z.string(), reason: z.string() })).optional()
        .describe("Storages whose backups are missing from the list"),
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
    ...unreadable.map(({ reason }) => `[WARNING] ${reason}`),
  ].join("\n");
}

function formatBackups(found: readonly StoredBackup[]): string {
  return found.map(({ ctime, vmid, size, volid, notes }) =>
    [
      ctime === undefined ? "" : isoTime(ctime),
      String(vmid ?? ""),
      (size === undefined ? "?" : formatBytes(size)).padStart(10),
      volid,
      notes?.split("\n")[0] ?? "",
    ].join("  ").trimEnd()
  ).join("\n");
}

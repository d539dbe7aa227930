import * as z from "zod";
import { printable } from "../../errors.ts";
import {
  ctidArgument,
  formatMode,
  localPathArgument,
  modeBits,
  overwriteArgument,
  pathArgument,
  permissionsArgument,
} from "../../mcp/arguments.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import type { Limits } from "../../config/config.ts";
import { exactSize, inUnits } from "../../mcp/words.ts";
import { modeWarning } from "../../ssh/outcome.ts";
import type { CopyOutcome } from "../../ssh/port.ts";
import type { ContainerFiles } from "./container_files.ts";

const containerPath = pathArgument.describe(
  "Relative to / or absolute, e.g. /etc/nginx/nginx.conf",
);

const transferred = z.object({
  success: z.literal(true),
  message: z.string(),
  ctid: z.number().int().meta({ unlisted: true }),
  container_path: z.string(),
  local_path: z.string(),
  bytes_transferred: z.number().int(),
  sha256: z.string(),
  verified: z.enum(["sha256", "size"]).describe("Compared with the source"),
  warnings: z.array(z.string()).optional(),
});

/** The tools that copy files between this machine and containers. */
export const fileTools = (files: ContainerFiles, { maxFileBytes }: Limits): Tool[] => [
  defineTool({
    name: "proxmox_download_file_from_container",
    title: "Download a file from a container",
    description:
      `Copy one file (max ${
        exactSize(maxFileBytes)
      }) from a running LXC container to this machine. ` +
      "It appears there only after size and sha256 match.",
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      ctid: ctidArgument,
      container_path: containerPath,
      local_path: localPathArgument,
      overwrite: overwriteArgument,
      response_format: unlistedFormat,
    }),
    output: transferred,
    async run({ ctid, container_path, local_path, overwrite }, context) {
      const outcome = await files.download({
        ctid,
        containerPath: container_path,
        localPath: local_path,
        overwrite,
        ...context,
      });
      const message = `File downloaded successfully from container ${ctid}`;
      const data = transfer(message, { ctid, container_path, local_path }, outcome);
      return { text: format(data), data };
    },
  }),
  defineTool({
    name: "proxmox_upload_file_to_container",
    title: "Upload a file to a container",
    description:
      `Copy one file (max ${
        exactSize(maxFileBytes)
      }) from this machine into a running LXC container. ` +
      "It appears there only after size and sha256 match. The parent directory must exist; a replaced file " +
      "keeps its owner.",
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      ctid: ctidArgument,
      local_path: localPathArgument,
      container_path: containerPath,
      permissions: permissionsArgument("644"),
      overwrite: overwriteArgument,
      response_format: unlistedFormat,
    }),
    output: transferred.extend({ permissions: z.string() }),
    async run({ ctid, local_path, container_path, permissions, overwrite }, context) {
      const outcome = await files.upload({
        ctid,
        containerPath: container_path,
        localPath: local_path,
        overwrite,
        ...context,
      }, permissions === undefined ? undefined : modeBits(permissions));
      const message = `File uploaded successfully to container ${ctid}`;
      const data = {
        ...transfer(message, { ctid, container_path, local_path }, outcome),
        permissions: permissions === undefined ? "default" : formatMode(permissions),
      };
      return { text: `${format(data)}\nPermissions: ${data.permissions}`, data };
    },
  }),
];

type Transferred = z.infer<typeof transferred>;

function transfer(
  message: string,
  ends: Pick<Transferred, "ctid" | "container_path" | "local_path">,
  { bytes, sha256, verified, keptMode }: CopyOutcome,
): Transferred {
  const content = { bytes_transferred: bytes, sha256, verified };
  return { success: true, message, ...ends, ...content, ...modeWarning(keptMode) };
}

const format = (answer: Transferred): string =>
  [
    `[SUCCESS] ${printable(answer.message)}`,
    `Container path: ${printable(answer.container_path)}`,
    `Local path: ${printable(answer.local_path)}`,
    `Bytes transferred: ${answer.bytes_transferred}${inUnits(answer.bytes_transferred)}`,
    `SHA-256: ${answer.sha256}`,
    `Verified by: ${answer.verified}`,
    ...(answer.warnings ?? []).map((warning) => `Warning: ${warning}`),
  ].join("\n");

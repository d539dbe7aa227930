import { z } from "zod";
import {
  ctidArgument,
  formatMode,
  localPathArgument,
  modeBits,
  octalMode,
  overwriteArgument,
  pathArgument,
} from "../../mcp/arguments.ts";
import { defineTool, responseFormat, type Tool } from "../../mcp/tool.ts";
import type { CopyOutcome } from "../../ssh/port.ts";
import type { ContainerFiles } from "./container_files.ts";

const containerPath = pathArgument.describe(
  "File in the container, for example /etc/nginx/nginx.conf; relative paths start at /",
);

const transferred = z.object({
  success: z.literal(true),
  message: z.string(),
  ctid: z.number().int(),
  container_path: z.string(),
  local_path: z.string(),
  bytes_transferred: z.number().int(),
  sha256: z.string(),
  verified: z.enum(["sha256", "size"]).describe("What was compared at both ends"),
});

/** The tools that copy files between this machine and containers. */
export const fileTools = (files: ContainerFiles): Tool[] => [
  defineTool({
    name: "proxmox_download_file_from_container",
    title: "Download a file from a container",
    description:
      "Copy one file from a running LXC container to this machine (inside WORKING_DIRECTORY). The file gets its " +
      "name only after size and sha256 match. An existing file is refused unless overwrite is true.",
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      ctid: ctidArgument,
      container_path: containerPath,
      local_path: localPathArgument,
      overwrite: overwriteArgument,
      response_format: responseFormat,
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
      "Copy one file from this machine (inside WORKING_DIRECTORY) into a running LXC container. The file gets its " +
      "name only after size and sha256 match. An existing file is refused unless overwrite is true; it then keeps " +
      "its owner. The parent directory must exist.",
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      ctid: ctidArgument,
      local_path: localPathArgument,
      container_path: containerPath,
      permissions: octalMode.optional().describe(
        "Octal mode in decimal digits, for example 755; default: 644, or the mode of the replaced file",
      ),
      overwrite: overwriteArgument,
      response_format: responseFormat,
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
  { bytes, sha256, verified }: CopyOutcome,
): Transferred {
  return { success: true, message, ...ends, bytes_transferred: bytes, sha256, verified };
}

const format = (answer: Transferred): string =>
  [
    `[SUCCESS] ${answer.message}`,
    `Container path: ${answer.container_path}`,
    `Local path: ${answer.local_path}`,
    `Bytes transferred: ${answer.bytes_transferred}`,
    `SHA-256: ${answer.sha256}`,
    `Verified by: ${answer.verified}`,
  ].join("\n");

import * as z from "zod";
import { printable } from "../../errors.ts";
import { overwriteArgument, pathArgument } from "../../mcp/arguments.ts";
import { type LongCalls, longOutput } from "../../mcp/long_calls.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import { inUnits } from "../../mcp/words.ts";
import type { HostCopyService } from "./copy_service.ts";

const hostArgument = z.string().min(1).max(255);

const copyOutput = z.object({
  success: z.literal(true),
  path: z.string(),
  bytes_transferred: z.number().int(),
  sha256: z.string(),
  verified: z.enum(["sha256", "size"]),
});

/** Returns the tool that copies a file from one host to another. */
export const copyTool = (copies: HostCopyService, calls: LongCalls): Tool =>
  defineTool({
    name: "ssh_copy_between_hosts",
    title: "Copy a file between hosts",
    description: "Copy one file from a host to another. It appears there only after verification.",
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      from_host: hostArgument,
      from_path: pathArgument,
      to_host: hostArgument,
      to_path: pathArgument,
      overwrite: overwriteArgument,
      response_format: unlistedFormat,
    }),
    output: longOutput(copyOutput),
    async run({ from_host, from_path, to_host, to_path, overwrite }, context) {
      const from = { host: from_host, path: from_path };
      const to = { host: to_host, path: to_path };
      const shown = `ssh_copy_between_hosts ${from_path}`;
      return await calls.run(shown, context, async (context) => {
        const { path, bytes, sha256, verified } = await copies.copy(from, to, overwrite, context);
        const data = { success: true as const, path, bytes_transferred: bytes, sha256, verified };
        return { text: formatCopy(data), data };
      });
    },
  });

const formatCopy = ({ path, bytes_transferred, sha256, verified }: z.infer<typeof copyOutput>) =>
  [
    `[SUCCESS] File copied to ${printable(path)}`,
    `Bytes transferred: ${bytes_transferred}${inUnits(bytes_transferred)}`,
    `SHA-256: ${sha256}`,
    `Verified by: ${verified}`,
  ].join("\n");

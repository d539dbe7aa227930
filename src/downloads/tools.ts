import { z } from "zod";
import { pathArgument, pathCtidArgument } from "../mcp/arguments.ts";
import { defineTool, responseFormat, type Tool } from "../mcp/tool.ts";
import { createdMessage, formatCounts, leftOutMessage } from "./messages.ts";
import type { LinkReport, NewLink } from "./port.ts";
import type { DownloadsService } from "./service.ts";

const linkOutput = z.object({
  success: z.literal(true),
  download_url: z.string(),
  token_id: z.string().describe(
    "Identifies the link for revoke_download_link; it does not open the link",
  ),
  expires_at: z.string().describe("ISO 8601, UTC"),
  file_type: z.enum(["file", "directory"]),
  file_name: z.string(),
  size: z.number().describe("Bytes of the file, or of all files in the directory"),
  sha256: z.string().optional().describe("Checksum of the file; missing for a directory"),
  left_out: z.object({ count: z.number(), names: z.array(z.string()) }).optional()
    .describe("Names in the directory that its archive leaves out, with reasons"),
  message: z.string(),
});

const statsOutput = z.object({
  session_id: z.string(),
  working_directory: z.string(),
  statistics: z.object({
    total_tokens: z.number(),
    active_tokens: z.number(),
    used_tokens: z.number(),
    expired_tokens: z.number(),
  }),
  bytes_served: z.number(),
  open_links: z.array(z.object({
    token_id: z.string(),
    file_name: z.string(),
    file_type: z.enum(["file", "directory"]),
    source: z.enum(["local", "host", "container"]),
    size: z.number(),
    expires_at: z.string(),
    claimed: z.boolean().describe("True when a download has started"),
  })),
});

const revokeOutput = z.object({
  success: z.literal(true),
  token_id: z.string(),
  message: z.string(),
});

const linkArguments = z.strictObject({
  path: pathArgument.describe(
    "File or directory, for example `output/report.pdf` or `/var/log/syslog`; a local one must be inside WORKING_DIRECTORY",
  ),
  expiry_minutes: z.number().int().min(1).max(60).default(5)
    .describe("Minutes until the link expires, for example 10"),
  source: z.enum(["local", "host"]).default("local")
    .describe('"local": this machine, inside WORKING_DIRECTORY; "host": the SSH host'),
  ctid: pathCtidArgument,
  response_format: responseFormat,
});

/** Returns the tools for links that a person opens once in a browser. */
export const downloadTools = (service: DownloadsService): Tool[] => [
  defineTool({
    name: "generate_download_link",
    title: "Make a download link",
    description:
      "Make a link with which a person downloads one file or directory (as zip) in any browser, once, before it expires. " +
      "Link previews in chat programs do not use it up, and an interrupted download can be resumed. Give the link only to the " +
      "person who needs it: anyone who has it can download the file.",
    effect: "changes",
    idempotent: false,
    input: service.hasContainers ? linkArguments : linkArguments.omit({ ctid: true }),
    output: linkOutput,
    async run({ path, expiry_minutes, source, ...rest }, context) {
      const ctid = "ctid" in rest && typeof rest.ctid === "number" ? rest.ctid : undefined;
      const expiryMs = expiry_minutes * 60_000;
      const link = await service.createLink({ path, source, ctid, expiryMs, ...context });
      const message = createdMessage(link, expiry_minutes);
      return { text: formatLink(link, message), data: linkData(link, message) };
    },
  }),
  defineTool({
    name: "list_download_stats",
    title: "Show the download links",
    description:
      "Count this session's download links (each is active, used or expired) and list the open ones without their URLs.",
    effect: "reads",
    input: z.strictObject({ response_format: responseFormat }),
    output: statsOutput,
    async run() {
      const data = statsData(await service.report(), service);
      return { text: formatStats(data), data };
    },
  }),
  defineTool({
    name: "revoke_download_link",
    title: "Revoke a download link",
    description: "End an open download link now. A download that is running on it is aborted.",
    effect: "destroys",
    idempotent: false,
    input: z.strictObject({
      token_id: z.string().regex(/^[0-9a-f]{16}$/).describe(
        "token_id of an open link, from generate_download_link or list_download_stats",
      ),
      response_format: responseFormat,
    }),
    output: revokeOutput,
    async run({ token_id }) {
      await service.revoke(token_id);
      const message = `Download link ${token_id} revoked`;
      return { text: message, data: { success: true as const, token_id, message } };
    },
  }),
];

const linkData = (link: NewLink, message: string) => ({
  success: true as const,
  download_url: link.url,
  token_id: link.tokenId,
  expires_at: new Date(link.expiresAtMs).toISOString(),
  file_type: link.fileType,
  file_name: link.fileName,
  size: link.size,
  ...(link.sha256 === undefined ? {} : { sha256: link.sha256 }),
  ...(link.leftOut.count === 0
    ? {}
    : { left_out: { count: link.leftOut.count, names: [...link.leftOut.names] } }),
  message,
});

function formatLink(link: NewLink, message: string): string {
  const facts = [
    `Name: ${link.fileName}`,
    `Size: ${link.size} bytes`,
    ...(link.sha256 === undefined ? [] : [`SHA-256: ${link.sha256}`]),
    `Token id: ${link.tokenId}`,
  ].join("\n");
  return [message, facts, leftOutMessage(link.leftOut)].filter((part) => part !== "").join("\n\n");
}

function statsData(report: LinkReport, { session }: DownloadsService) {
  return {
    session_id: session.downloads.sessionId,
    working_directory: session.workingDirectory,
    statistics: formatCounts(report.statistics),
    bytes_served: report.bytesServed,
    open_links: report.openLinks.map((link) => ({
      token_id: link.tokenId,
      file_name: link.fileName,
      file_type: link.fileType,
      source: link.source,
      size: link.size,
      expires_at: new Date(link.expiresAtMs).toISOString(),
      claimed: link.claimed,
    })),
  };
}

function formatStats(stats: ReturnType<typeof statsData>): string {
  const { statistics: counts } = stats;
  const links = stats.open_links.map((link) =>
    `  ${link.token_id}  ${link.file_name} (${link.size} bytes, ${link.source}), expires ${link.expires_at}` +
    (link.claimed ? ", download started" : "")
  );
  return [
    `Session: ${stats.session_id}`,
    `Working directory: ${stats.working_directory}`,
    `Links: ${counts.total_tokens} in total, ${counts.active_tokens} active, ` +
    `${counts.used_tokens} used, ${counts.expired_tokens} expired`,
    `Bytes served: ${stats.bytes_served}`,
    ...(links.length === 0 ? ["No open links"] : ["Open links:", ...links]),
  ].join("\n");
}

import { printable } from "../errors.ts";
import * as z from "zod";
import { pathArgument, pathCtidArgument } from "../mcp/arguments.ts";
import { exactSize, inUnits } from "../mcp/words.ts";
import { defineTool, type Tool, unlistedFormat } from "../mcp/tool.ts";
import { createdMessage, formatCounts, leftOutMessage, shortMessage } from "./messages.ts";
import type { LinkReport, NewLink } from "./port.ts";
import type { DownloadsService } from "./service.ts";

const linkOutput = z.object({
  success: z.literal(true),
  download_url: z.string(),
  token_id: z.string().describe(
    "For revoke_download_link",
  ),
  expires_at: z.string(),
  file_type: z.enum(["file", "directory"]).describe("directory: a zip of it"),
  file_name: z.string(),
  size: z.number().describe("Bytes, of a directory all files"),
  sha256: z.string().optional().describe("Missing for a directory"),
  left_out: z.object({ count: z.number(), names: z.array(z.string()) }).optional()
    .describe("Names that the archive lacks, with reasons"),
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
    file_type: z.enum(["file", "directory"]).describe("directory: a zip of it"),
    source: z.enum(["local", "host", "container"]).describe("Where it is"),
    size: z.number().describe("Bytes"),
    expires_at: z.string(),
    claimed: z.boolean().describe("A download has started"),
  })),
});

const revokeOutput = z.object({
  success: z.literal(true),
  token_id: z.string(),
  message: z.string(),
});

const linkArguments = z.strictObject({
  path: pathArgument.describe(
    "E.g. output/report.pdf or /var/log/syslog",
  ),
  expiry_minutes: z.number().int().min(1).max(60).default(5)
    .describe("Minutes until it expires"),
  source: z.enum(["local", "host"]).default("local")
    .describe("Where it is: in WORKING_DIRECTORY here, or on the SSH host"),
  ctid: pathCtidArgument,
  response_format: unlistedFormat,
});

/** Returns the tools for links that a person opens once in a browser. */
export const downloadTools = (service: DownloadsService): Tool[] => [
  defineTool({
    name: "generate_download_link",
    title: "Make a download link",
    description: `Make a link with which a person downloads one file or directory (as zip; max ${
      exactSize(service.session.downloads.maxBytes)
    }) in any browser, once, while this server runs. Chat previews do not use it up; anyone who has it can download.`,
    effect: "changes",
    idempotent: false,
    input: service.hasContainers ? linkArguments : linkArguments.omit({ ctid: true }),
    output: linkOutput,
    async run({ path, expiry_minutes, source, ...rest }, context) {
      const ctid = "ctid" in rest && typeof rest.ctid === "number" ? rest.ctid : undefined;
      const expiryMs = expiry_minutes * 60_000;
      const link = await service.createLink({ path, source, ctid, expiryMs, ...context });
      const message = createdMessage(link, expiry_minutes);
      return { text: formatLink(link, message), data: linkData(link) };
    },
  }),
  defineTool({
    name: "list_download_stats",
    title: "Show the download links",
    description: "Count this session's download links and list the open ones, without their URLs.",
    effect: "reads",
    input: z.strictObject({ response_format: unlistedFormat }),
    output: statsOutput,
    async run() {
      const data = statsData(await service.report(), service);
      return { text: formatStats(data), data };
    },
  }),
  defineTool({
    name: "revoke_download_link",
    title: "Revoke a download link",
    description: "End a download link now, and the download that runs on it.",
    effect: "destroys",
    idempotent: false,
    input: z.strictObject({
      token_id: z.string().regex(/^[0-9a-f]{16}$/).describe(
        "From generate_download_link or list_download_stats",
      ),
      response_format: unlistedFormat,
    }),
    output: revokeOutput,
    async run({ token_id }) {
      await service.revoke(token_id);
      const message = `Download link ${token_id} revoked`;
      return { text: message, data: { success: true as const, token_id, message } };
    },
  }),
];

const linkData = (link: NewLink) => ({
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
  message: shortMessage(link),
});

function formatLink(link: NewLink, message: string): string {
  const facts = [
    `Name: ${printable(link.fileName)}`,
    `Size: ${link.size} bytes${inUnits(link.size)}`,
    `Expires at: ${new Date(link.expiresAtMs).toISOString()}`,
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
    `  ${link.token_id}  ${
      printable(link.file_name)
    } (${link.file_type}, ${link.size} bytes, ${link.source}), expires ${link.expires_at}` +
    (link.claimed ? ", download started" : "")
  );
  return [
    `Session: ${stats.session_id}`,
    `Working directory: ${stats.working_directory}`,
    `Links: ${counts.total_tokens} in total, ${counts.active_tokens} active, ` +
    `${counts.used_tokens} used, ${counts.expired_tokens} expired`,
    `Bytes served: ${stats.bytes_served}${inUnits(stats.bytes_served)}`,
    ...(links.length === 0 ? ["No open links"] : ["Open links:", ...links]),
  ].join("\n");
}

import { z } from "zod";
import { overwriteArgument, pathArgument, pathCtidArgument } from "../../mcp/arguments.ts";
import { defineTool, responseFormat, type Tool } from "../../mcp/tool.ts";
import {
  deleteOutput,
  downloadAnswer,
  downloadOutput,
  formatDelete,
  formatDownload,
  formatList,
  formatRequest,
  formatShare,
  formatUpload,
  listAnswer,
  listOutput,
  requestAnswer,
  requestOutput,
  shareAnswer,
  shareOutput,
  uploadAnswer,
  uploadOutput,
} from "./answers.ts";
import type { ExchangeService } from "./service.ts";

const clientId = z.string().min(1).max(128);
const transferId = z.string().min(1).max(1024);

const hours = z.number().int().min(1).max(12).default(12)
  .describe("Hours for which the address can be used, 12 at most; for example 6");

const localPath = (what: string) =>
  pathArgument.optional().describe(
    `${what} on this machine, relative to WORKING_DIRECTORY or absolute, for example deploy.tar.gz`,
  );

const remotePath = (what: string) =>
  pathArgument.optional().describe(
    `${what} on the SSH host (with ctid: in that container), for example /var/backups/db.sql.gz; ` +
      "it does not pass through this machine's disk",
  );

const sourceClient = clientId.describe("Client that uploaded it, for example server");

/** The tools of the file exchange; registered when R2 is configured. */
export const exchangeTools = (exchange: ExchangeService): Tool[] => [
  defineTool({
    name: "exchange_upload",
    title: "Upload a file to the exchange",
    description:
      "Put one file of this machine, the SSH host or a container on the R2 exchange and get a download_url that works " +
      "without credentials until it expires. Large files go in parts. Files are removed after 48 hours.",
    effect: "changes",
    input: z.strictObject({
      local_path: localPath("File to upload"),
      remote_path: remotePath("File to upload"),
      ctid: pathCtidArgument,
      dest_client: clientId.optional().describe("Client that it is meant for; kept as metadata"),
      expires_hours: hours,
      response_format: responseFormat,
    }),
    output: uploadOutput,
    async run({ local_path, remote_path, ctid, dest_client, expires_hours }, context) {
      const from = { localPath: local_path, remotePath: remote_path, ctid };
      const data = uploadAnswer(
        await exchange.upload(from, dest_client, expires_hours, context),
      );
      return { text: formatUpload(data), data };
    },
  }),
  defineTool({
    name: "exchange_download",
    title: "Download a file from the exchange",
    description:
      "Write one file of the exchange to this machine, the SSH host or a container: by transfer_id and source_client, " +
      "or by a download_url of this exchange. The file gets its name only when its content is verified.",
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      transfer_id: transferId.optional().describe("Transfer, as exchange_list shows it"),
      source_client: sourceClient.optional(),
      download_url: z.string().min(1).max(8192).optional()
        .describe("Address from exchange_upload or exchange_share, in place of the two above"),
      local_path: localPath("Destination"),
      remote_path: remotePath("Destination"),
      ctid: pathCtidArgument,
      overwrite: overwriteArgument,
      response_format: responseFormat,
    }),
    output: downloadOutput,
    async run(args, context) {
      const source = {
        transferId: args.transfer_id,
        sourceClient: args.source_client,
        downloadUrl: args.download_url,
      };
      const to = { localPath: args.local_path, remotePath: args.remote_path, ctid: args.ctid };
      const data = downloadAnswer(
        to,
        await exchange.download(source, to, args.overwrite, context),
      );
      return { text: formatDownload(data), data };
    },
  }),
  defineTool({
    name: "exchange_list",
    title: "List the files on the exchange",
    description:
      "List the transfers that are on the exchange, of all clients or of one, with size, time and metadata.",
    effect: "reads",
    input: z.strictObject({
      client_id: clientId.optional().describe("Only what this client has uploaded"),
      response_format: responseFormat,
    }),
    output: listOutput,
    async run({ client_id }, context) {
      const data = listAnswer(await exchange.list(client_id, context), client_id !== undefined);
      return { text: formatList(data), data };
    },
  }),
  defineTool({
    name: "exchange_delete",
    title: "Delete a file from the exchange",
    description:
      "Remove one transfer before it is removed by age. The answer says whether there was one.",
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      transfer_id: transferId.describe("Transfer, as exchange_list shows it"),
      source_client: sourceClient,
      response_format: responseFormat,
    }),
    output: deleteOutput,
    async run({ transfer_id, source_client }, context) {
      const outcome = await exchange.delete(transfer_id, source_client, context);
      const data = { success: true as const, transfer_id, ...outcome };
      return { text: formatDelete(data), data };
    },
  }),
  defineTool({
    name: "exchange_request_upload",
    title: "Let somebody upload a file to the exchange",
    description:
      "Make a curl command with which a person or another machine can put one file on the exchange without " +
      "credentials. Afterwards exchange_list shows it and exchange_download takes it by transfer_id and source_client.",
    effect: "changes",
    input: z.strictObject({
      filename: z.string().min(1).max(255).describe("Name of the file, for example logs.tar.gz"),
      size: z.number().int().min(0).optional()
        .describe("Length in bytes; when given, the service refuses any other"),
      source_client: clientId.optional()
        .describe("Client that will upload it; this server's own name by default"),
      expires_hours: hours,
      response_format: responseFormat,
    }),
    output: requestOutput,
    async run({ filename, size, source_client, expires_hours }) {
      const data = requestAnswer(
        await exchange.requestUpload(filename, size, expires_hours, source_client),
      );
      return { text: formatRequest(data), data };
    },
  }),
  defineTool({
    name: "exchange_share",
    title: "Make a fresh download address",
    description:
      "Make a new download_url for a transfer that is still on the exchange, for example when the old one has expired.",
    effect: "changes",
    input: z.strictObject({
      transfer_id: transferId.describe("Transfer, as exchange_list shows it"),
      source_client: sourceClient,
      expires_hours: hours,
      response_format: responseFormat,
    }),
    output: shareOutput,
    async run({ transfer_id, source_client, expires_hours }, context) {
      const data = shareAnswer(
        await exchange.share(transfer_id, source_client, expires_hours, context),
      );
      return { text: formatShare(data), data };
    },
  }),
];

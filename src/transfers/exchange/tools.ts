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
  .describe("Hours until the URL expires, for example 6");

const localPath = (what: string) =>
  pathArgument.optional().describe(
    `${what} on this machine, relative to WORKING_DIRECTORY or absolute, for example deploy.tar.gz`,
  );

const remotePath = (what: string) =>
  pathArgument.optional().describe(
    `${what} on the SSH host (with ctid: in that container), for example /var/backups/db.sql.gz; ` +
      "it is not copied to this machine's disk",
  );

const sourceClient = clientId.describe("Client that uploaded it, for example server");

/** The tools of the file exchange; registered when R2 is configured. */
export const exchangeTools = (exchange: ExchangeService): Tool[] => [
  defineTool({
    name: "exchange_upload",
    title: "Upload a file to the exchange",
    description:
      "Upload one file from this machine, the SSH host or a container to the R2 exchange. Returns a download_url that works " +
      "without credentials until it expires. Files are deleted after 48 hours.",
    effect: "changes",
    input: z.strictObject({
      local_path: localPath("File to upload"),
      remote_path: remotePath("File to upload"),
      ctid: pathCtidArgument,
      dest_client: clientId.optional().describe("Client that the file is for; stored as metadata"),
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
      "Download one file from the exchange to this machine, the SSH host or a container. Pass transfer_id and source_client, " +
      "or a download_url of this exchange. The destination appears only after the content is verified.",
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      transfer_id: transferId.optional().describe("Transfer, as exchange_list shows it"),
      source_client: sourceClient.optional(),
      download_url: z.string().min(1).max(8192).optional()
        .describe(
          "URL from exchange_upload or exchange_share, instead of transfer_id and source_client",
        ),
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
      "List the transfers on the exchange, of all clients or of one, with size, time and metadata.",
    effect: "reads",
    input: z.strictObject({
      client_id: clientId.optional().describe("List only what this client has uploaded"),
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
      "Delete one transfer now instead of after 48 hours. `deleted` is false if it did not exist.",
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
    title: "Create an upload command for the exchange",
    description:
      "Create a curl command with which a person or another machine can upload one file to the exchange without " +
      "credentials. Afterwards exchange_list shows the file and exchange_download fetches it.",
    effect: "changes",
    input: z.strictObject({
      filename: z.string().min(1).max(255).describe("Name of the file, for example logs.tar.gz"),
      size: z.number().int().min(0).optional()
        .describe("Size in bytes; if set, the service refuses a file of any other size"),
      source_client: clientId.optional()
        .describe("Client that will upload the file; this server's client id by default"),
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
    title: "Create a new download URL",
    description:
      "Create a new download_url for a transfer that is still on the exchange, for example after the old one has expired.",
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

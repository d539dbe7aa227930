import * as z from "zod";
import {
  localPathArgument,
  overwriteArgument,
  pathCtidArgument,
  remotePathArgument,
} from "../../mcp/arguments.ts";
import { type LongCalls, longOutput } from "../../mcp/long_calls.ts";
import { exactSize } from "../../mcp/words.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
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
  .describe("Hours until the URL expires");

const sourceClient = clientId.describe("Client that uploaded it, e.g. server");
const listedTransfer = transferId.describe("From exchange_list");

/** The tools of the file exchange; registered when R2 is configured. */
export const exchangeTools = (exchange: ExchangeService, calls: LongCalls): Tool[] => [
  uploadTool(exchange, calls),
  downloadTool(exchange, calls),
  listTool(exchange),
  deleteTool(exchange),
  requestUploadTool(exchange),
  shareTool(exchange),
];

const uploadTool = (exchange: ExchangeService, calls: LongCalls): Tool =>
  defineTool({
    name: "exchange_upload",
    title: "Upload a file to the exchange",
    description:
      `Upload one file (max ${
        exactSize(exchange.maxBytes)
      }) from this machine, the SSH host or a container to the R2 ` +
      "exchange: exactly one of local_path and remote_path. Returns a download_url that anyone can use. Files are " +
      "deleted after 48 hours.",
    effect: "changes",
    input: z.strictObject({
      local_path: localPathArgument.optional(),
      remote_path: remotePathArgument.optional(),
      ctid: pathCtidArgument,
      dest_client: clientId.optional().describe("Client that it is for, kept as metadata"),
      expires_hours: hours,
      response_format: unlistedFormat,
    }),
    output: longOutput(uploadOutput),
    async run({ local_path, remote_path, ctid, dest_client, expires_hours }, context) {
      const from = { localPath: local_path, remotePath: remote_path, ctid };
      const shown = `exchange_upload ${local_path ?? remote_path ?? ""}`;
      return await calls.run(shown, context, async (context) => {
        const done = await exchange.upload(from, dest_client, expires_hours, context);
        const data = uploadAnswer(done);
        return { text: formatUpload(data), data };
      });
    },
  });

const downloadTool = (exchange: ExchangeService, calls: LongCalls): Tool =>
  defineTool({
    name: "exchange_download",
    title: "Download a file from the exchange",
    description:
      `Download one file (max ${
        exactSize(exchange.maxBytes)
      }) from the exchange to this machine, the SSH host or a ` +
      "container: exactly one of local_path and remote_path; and transfer_id with source_client, or download_url. It " +
      "appears there only after verification.",
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      transfer_id: listedTransfer.optional(),
      source_client: sourceClient.optional(),
      download_url: z.string().min(1).max(8192).optional()
        .describe("From exchange_upload or exchange_share"),
      local_path: localPathArgument.optional(),
      remote_path: remotePathArgument.optional(),
      ctid: pathCtidArgument,
      overwrite: overwriteArgument,
      response_format: unlistedFormat,
    }),
    output: longOutput(downloadOutput),
    async run(args, context) {
      const source = {
        transferId: args.transfer_id,
        sourceClient: args.source_client,
        downloadUrl: args.download_url,
      };
      const to = { localPath: args.local_path, remotePath: args.remote_path, ctid: args.ctid };
      const shown = `exchange_download ${args.local_path ?? args.remote_path ?? ""}`;
      return await calls.run(shown, context, async (context) => {
        const data = downloadAnswer(
          to,
          await exchange.download(source, to, args.overwrite, context),
        );
        return { text: formatDownload(data), data };
      });
    },
  });

const listTool = (exchange: ExchangeService): Tool =>
  defineTool({
    name: "exchange_list",
    title: "List the exchange",
    description: "List the transfers on the exchange, oldest first.",
    effect: "reads",
    input: z.strictObject({
      client_id: clientId.optional().describe("Only of this source_client"),
      response_format: unlistedFormat,
    }),
    output: listOutput,
    async run({ client_id }, context) {
      const data = listAnswer(await exchange.list(client_id, context), client_id !== undefined);
      return { text: formatList(data), data };
    },
  });

const deleteTool = (exchange: ExchangeService): Tool =>
  defineTool({
    name: "exchange_delete",
    title: "Delete a file from the exchange",
    description: "Delete one transfer now instead of after 48 hours.",
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      transfer_id: listedTransfer,
      source_client: sourceClient,
      response_format: unlistedFormat,
    }),
    output: deleteOutput,
    async run({ transfer_id, source_client }, context) {
      const outcome = await exchange.delete(transfer_id, source_client, context);
      const data = { success: true as const, transfer_id, ...outcome };
      return { text: formatDelete(data), data };
    },
  });

const requestUploadTool = (exchange: ExchangeService): Tool =>
  defineTool({
    name: "exchange_request_upload",
    title: "Request an upload",
    description:
      "Create a curl command with which a person or machine uploads one file to the exchange without credentials; " +
      "exchange_list then shows it.",
    effect: "changes",
    input: z.strictObject({
      filename: z.string().min(1).max(255).describe("E.g. logs.tar.gz"),
      size: z.number().int().min(0).optional()
        .describe("Bytes; if set, any other size is refused"),
      source_client: clientId.optional()
        .describe("Client that uploads it; default: this server"),
      expires_hours: hours,
      response_format: unlistedFormat,
    }),
    output: requestOutput,
    async run({ filename, size, source_client, expires_hours }) {
      const data = requestAnswer(
        await exchange.requestUpload(filename, size, expires_hours, source_client),
      );
      return { text: formatRequest(data), data };
    },
  });

const shareTool = (exchange: ExchangeService): Tool =>
  defineTool({
    name: "exchange_share",
    title: "Create a new download URL",
    description:
      "Create a new download_url for a transfer on the exchange, e.g. after the old one expired.",
    effect: "changes",
    input: z.strictObject({
      transfer_id: listedTransfer,
      source_client: sourceClient,
      expires_hours: hours,
      response_format: unlistedFormat,
    }),
    output: shareOutput,
    async run({ transfer_id, source_client, expires_hours }, context) {
      const data = shareAnswer(
        await exchange.share(transfer_id, source_client, expires_hours, context),
      );
      return { text: formatShare(data), data };
    },
  });

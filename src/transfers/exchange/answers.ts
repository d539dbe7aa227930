import { printable } from "../../errors.ts";
import * as z from "zod";
import { inUnits } from "../../mcp/words.ts";
import {
  checkCommand,
  checkCommandForPowerShell,
  downloadCommand,
  PATH_NOTE,
  RESUME_NOTE,
  uploadCommand,
} from "./commands.ts";
import type { ExchangeName } from "./transfer_names.ts";
import {
  type ExchangePath,
  type ExchangeUpload,
  formatTime,
  type ListedTransfer,
  type RequestedUpload,
  type Shared,
} from "./transfer.ts";
import type { DeliverOutcome } from "../port.ts";

const isoTime = z.string();

/** Output of exchange_share: a transfer with a download URL. */
export const shareOutput = z.object({
  success: z.literal(true),
  transfer_id: z.string(),
  source_client: z.string(),
  key: z.string(),
  filename: z.string(),
  size: z.number().int().describe("Bytes"),
  download_url: z.string(),
  download_command: z.string(),
  note: z.string(),
  sha256: z.string().optional().describe("Missing if none is stored"),
  check_command: z.string().optional().describe("Fails unless the download is intact"),
  check_command_powershell: z.string().optional().describe("Prints True if it is intact"),
  expires_at: isoTime,
});

/** Output of exchange_upload: the same, and what was sent. */
export const uploadOutput = shareOutput.extend({
  sha256: z.string(),
  dest_client: z.string().optional(),
  bytes_transferred: z.number().int().describe("Equals size"),
});

/** Output of exchange_download: where the file is, and how its content was verified. */
export const downloadOutput = z.object({
  success: z.literal(true),
  transfer_id: z.string(),
  source_client: z.string(),
  filename: z.string(),
  local_path: z.string().optional(),
  remote_path: z.string().optional(),
  ctid: z.number().int().optional(),
  size: z.number().int().describe("Bytes"),
  bytes_transferred: z.number().int().describe("Equals size"),
  sha256: z.string(),
  verified: z.enum(["content", "size"]).describe("content: the stored hash; size: none is stored"),
});

/** Output of exchange_list, oldest first. */
export const listOutput = z.object({
  transfers: z.array(z.object({
    key: z.string(),
    transfer_id: z.string(),
    source_client: z.string(),
    filename: z.string(),
    size: z.number().int().describe("Bytes"),
    last_modified: isoTime,
    expires_at: isoTime,
    expired: z.boolean().describe("exchange_download refuses it"),
    etag: z.string(),
    metadata: z.record(z.string(), z.string()),
  })),
  count: z.number().int(),
  message: z.string(),
});

/** Output of exchange_delete; deleting nothing is a success too. */
export const deleteOutput = z.object({
  success: z.literal(true),
  transfer_id: z.string(),
  key: z.string(),
  deleted: z.boolean().describe("false: it did not exist"),
});

/** Output of exchange_request_upload: a PUT request that needs no credentials. */
export const requestOutput = z.object({
  success: z.literal(true),
  transfer_id: z.string(),
  source_client: z.string(),
  key: z.string(),
  filename: z.string(),
  upload_url: z.string(),
  upload_headers: z.record(z.string(), z.string()).describe("Send with the PUT, unchanged"),
  upload_command: z.string(),
  note: z.string(),
  write_once: z.boolean().describe("A second upload is refused"),
  expires_at: isoTime,
});

type Output<Schema extends z.ZodType> = z.infer<Schema>;

/** Formats a transfer with the commands that download and check it. */
export function shareAnswer(shared: Shared): Output<typeof shareOutput> {
  const command = downloadCommand(shared.downloadUrl);
  return {
    success: true,
    ...named(shared),
    key: shared.key,
    size: shared.size,
    download_url: shared.downloadUrl,
    download_command: command,
    note: `${PATH_NOTE}. ${RESUME_NOTE}`,
    ...checks(shared.sha256),
    expires_at: formatTime(shared.expiresAtMs),
  };
}

/** Formats a new upload. */
export function uploadAnswer(upload: ExchangeUpload): Output<typeof uploadOutput> {
  const { destClient, sha256, size } = upload;
  return {
    ...shareAnswer(upload),
    sha256,
    bytes_transferred: size,
    ...(destClient === undefined ? {} : { dest_client: destClient }),
  };
}

/** Formats a download, with the path as the caller wrote it. */
export function downloadAnswer(
  { localPath, remotePath, ctid }: ExchangePath,
  outcome: DeliverOutcome & { readonly name: ExchangeName },
): Output<typeof downloadOutput> {
  return {
    success: true,
    ...named(outcome.name),
    ...(localPath === undefined ? {} : { local_path: localPath }),
    ...(remotePath === undefined ? {} : { remote_path: remotePath }),
    ...(ctid === undefined ? {} : { ctid }),
    size: outcome.bytes,
    bytes_transferred: outcome.bytes,
    sha256: outcome.sha256,
    verified: outcome.contentProven ? "content" : "size",
  };
}

/**
 * Formats the list. Client and file name are added where the metadata lacks them.
 *
 * @param filtered true for the list of one client
 */
export function listAnswer(
  transfers: readonly ListedTransfer[],
  filtered: boolean,
): Output<typeof listOutput> {
  return {
    transfers: transfers.map(({ object, key, expiresAtMs, expired, ...name }) => ({
      key,
      ...named(name),
      size: object.size,
      last_modified: formatTime(object.storedAtMs),
      expires_at: formatTime(expiresAtMs),
      expired,
      etag: object.id,
      metadata: { source_client: name.sourceClient, filename: name.filename, ...object.metadata },
    })),
    count: transfers.length,
    message: `Found ${transfers.length} ${filtered ? "" : "total "}pending transfer(s)`,
  };
}

/** Formats an upload by somebody else, with its command. */
export function requestAnswer(request: RequestedUpload): Output<typeof requestOutput> {
  const { ticket } = request;
  const command = uploadCommand(ticket);
  return {
    success: true,
    ...named(request),
    key: request.key,
    upload_url: ticket.url,
    upload_headers: { ...ticket.headers },
    upload_command: command,
    note: PATH_NOTE,
    write_once: ticket.writeOnce,
    expires_at: formatTime(ticket.expiresAtMs),
  };
}

/** Text of {@linkcode shareAnswer}. It warns that the URL itself is a secret. */
export const formatShare = (answer: Output<typeof shareOutput>): string =>
  [
    ...identity(answer),
    `File: ${printable(answer.filename)}, ${answer.size} bytes${inUnits(answer.size)}`,
    `Download URL (expires ${answer.expires_at}; anybody who has it can download):`,
    answer.download_url,
    "",
    "Download command (run it again after an interruption; it resumes):",
    answer.download_command,
    answer.note,
    ...(answer.check_command === undefined ? [] : [
      "Command to check the downloaded file:",
      answer.check_command,
      "The same for PowerShell, which prints True:",
      answer.check_command_powershell ?? "",
    ]),
  ].join("\n");

/** Text of {@linkcode uploadAnswer}. */
export const formatUpload = (answer: Output<typeof uploadOutput>): string =>
  [
    "[SUCCESS] File uploaded to the exchange",
    `SHA-256: ${answer.sha256}`,
    ...(answer.dest_client === undefined ? [] : [`For client: ${printable(answer.dest_client)}`]),
    formatShare(answer),
  ].join("\n");

/** Text of {@linkcode downloadAnswer}. */
export function formatDownload(answer: Output<typeof downloadOutput>): string {
  const where = answer.local_path ??
    `${answer.remote_path}${answer.ctid === undefined ? "" : ` in container ${answer.ctid}`}`;
  return [
    "[SUCCESS] File downloaded from the exchange",
    `Transfer: ${answer.transfer_id} (source_client ${answer.source_client})`,
    `Saved as: ${printable(where)}`,
    `Size: ${answer.size} bytes${inUnits(answer.size)}`,
    `SHA-256: ${answer.sha256}`,
    `Verified by: ${answer.verified}`,
  ].join("\n");
}

/** Text of {@linkcode listAnswer}: three lines per transfer. */
export const formatList = (answer: Output<typeof listOutput>): string =>
  [
    answer.message,
    ...answer.transfers.map((each) =>
      `- ${each.transfer_id}\n  source_client ${each.source_client}, ` +
      `${each.size} bytes${inUnits(each.size)}, stored ${each.last_modified}, ` +
      `${each.expired ? "expired" : "expires"} ${each.expires_at}` +
      (each.metadata.dest_client === undefined
        ? ""
        : `, for ${printable(each.metadata.dest_client)}`) +
      `\n  key ${each.key}, etag ${each.etag}` +
      Object.entries(each.metadata).filter(([name]) => name !== "dest_client")
        .map(([name, value]) => `, ${printable(`${name} ${value}`)}`).join("")
    ),
  ].join("\n");

/** One line that says whether the transfer existed. */
export const formatDelete = ({ deleted, key }: Output<typeof deleteOutput>): string =>
  deleted ? `Deleted ${key}` : `Nothing to delete: ${key} does not exist`;

/** Text of {@linkcode requestAnswer}, with the next step. */
export const formatRequest = (answer: Output<typeof requestOutput>): string =>
  [
    ...identity(answer),
    `Upload command (expires ${answer.expires_at}${
      answer.write_once ? "; works once)" : "; a second upload replaces the first)"
    }:`,
    answer.upload_command,
    answer.note,
    `It sends these headers: ${JSON.stringify(answer.upload_headers)}`,
    "Then exchange_list shows the file and exchange_download fetches it.",
  ].join("\n");

const identity = (
  answer: { readonly transfer_id: string; readonly source_client: string; readonly key: string },
): string[] => [
  `Transfer: ${answer.transfer_id} (source_client ${answer.source_client})`,
  `Key: ${answer.key}`,
];

const checks = (sha256: string | undefined) =>
  sha256 === undefined ? {} : {
    sha256,
    check_command: checkCommand(sha256),
    check_command_powershell: checkCommandForPowerShell(sha256),
  };

const named = ({ transferId, sourceClient, filename }: ExchangeName) => ({
  transfer_id: transferId,
  source_client: sourceClient,
  filename,
});

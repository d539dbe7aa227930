import { printable } from "../../errors.ts";
import * as z from "zod";
import { formatMode } from "../../mcp/arguments.ts";
import { inUnits } from "../../mcp/words.ts";
import { DOWNLOAD_QUOTING, UPLOAD_QUOTING } from "./commands.ts";
import type { Cleanup } from "./remote_moves.ts";
import type { DownloadOffer, UploadOffer } from "./service.ts";
import type { DownloadState, UploadState } from "./open_transfers.ts";
import { PATH_PLACEHOLDER } from "../command_words.ts";
import type { DeliverOutcome } from "../port.ts";

const expiresIn = z.number().int().describe("Seconds left for steps 2 and 3");

/** Output of imagekit_request_upload. */
export const uploadRequest = z.object({
  transfer_id: z.string(),
  upload_command: z.string().describe("For sh; works once"),
  upload_command_powershell: z.string().describe("Instead, in PowerShell"),
  quoting: z.string().describe("How to write the path in it"),
  expires_in: expiresIn,
  max_bytes: z.number().int().describe("Max size; 0 is refused"),
});

/** Output of imagekit_request_download. */
export const downloadRequest = z.object({
  transfer_id: z.string(),
  download_url: z.string(),
  download_command: z.string(),
  download_command_powershell: z.string(),
  quoting: z.string().describe("How to write the path in it"),
  expires_in: expiresIn,
  bytes: z.number().int(),
  sha256: z.string().describe("Of the content at download_url"),
});

const confirmation = {
  success: z.literal(true),
  message: z.string(),
  remote_path: z.string(),
  ctid: z.number().int().optional(),
  bytes_transferred: z.number().int(),
  bridge_copy_deleted: z.boolean().describe("false: it is deleted after expiry"),
  cache_purged: z.boolean().describe("false: ImageKit may serve it for a while"),
};

/** Output of imagekit_confirm_upload. */
export const uploadConfirmation = z.object({
  ...confirmation,
  sha256: z.string(),
  verified: z.enum(["sha256", "size"]).describe("Compared with the source"),
  permissions: z.string().optional(),
});

/** Output of imagekit_confirm_download. */
export const downloadConfirmation = z.object(confirmation);

export type UploadRequest = z.infer<typeof uploadRequest>;
export type DownloadRequest = z.infer<typeof downloadRequest>;
export type UploadConfirmation = z.infer<typeof uploadConfirmation>;
export type DownloadConfirmation = z.infer<typeof downloadConfirmation>;

export const requestedUpload = (offer: UploadOffer): UploadRequest => ({
  transfer_id: offer.transferId,
  upload_command: offer.command.sh,
  upload_command_powershell: offer.command.powershell,
  quoting: UPLOAD_QUOTING,
  expires_in: offer.expiresInS,
  max_bytes: offer.maxBytes,
});

export const requestedDownload = (offer: DownloadOffer): DownloadRequest => ({
  transfer_id: offer.transferId,
  download_url: offer.url,
  download_command: offer.command.sh,
  download_command_powershell: offer.command.powershell,
  quoting: DOWNLOAD_QUOTING,
  expires_in: offer.expiresInS,
  bytes: offer.bytes,
  sha256: offer.sha256,
});

export function confirmedUpload({ state, outcome, cleanup }: {
  readonly state: UploadState;
  readonly outcome: DeliverOutcome;
  readonly cleanup: Cleanup;
}): UploadConfirmation {
  const { path, ctid, permissions } = state;
  const where = ctid === undefined ? "host" : `container ${ctid}`;
  return {
    ...confirmed(`Successfully uploaded to ${where}: ${path}`, state, cleanup),
    bytes_transferred: outcome.bytes,
    sha256: outcome.sha256,
    verified: outcome.verified,
    ...(permissions === undefined ? {} : { permissions: formatMode(permissions) }),
  };
}

/** Formats the end of a download. This step transfers nothing, so `bytes_transferred` is 0. */
export const confirmedDownload = ({ state, cleanup }: {
  readonly state: DownloadState;
  readonly cleanup: Cleanup;
}): DownloadConfirmation => confirmed("Download completed and cleaned up", state, cleanup);

/** Text of a prepared upload. */
export const formatUploadRequest = (answer: UploadRequest): string =>
  [
    "Step 1 of 3 is done: the upload is prepared.",
    "",
    `Step 2: run this command where the file is, with its path instead of ${PATH_PLACEHOLDER}:`,
    "",
    answer.upload_command,
    "",
    "or, in PowerShell (neither form works in cmd.exe):",
    "",
    answer.upload_command_powershell,
    "",
    answer.quoting,
    `The file may have 1 to ${answer.max_bytes} bytes${
      inUnits(answer.max_bytes)
    }; ImageKit refuses an empty file.`,
    "The command works once. If it fails, call imagekit_request_upload again for a new one.",
    `Run and confirm it within ${answer.expires_in} seconds.`,
    "",
    "Step 3: after it has printed HTTP 200, call imagekit_confirm_upload with the printed fileId as file_id and",
    `transfer_id: ${answer.transfer_id}`,
  ].join("\n");

/** Text of a prepared download. */
export const formatDownloadRequest = (answer: DownloadRequest): string =>
  [
    "Step 1 of 3 is done: the file is on ImageKit.",
    "",
    `Step 2: run this command on the user's machine, with the destination path instead of ${PATH_PLACEHOLDER}:`,
    "",
    answer.download_command,
    "",
    "or, in PowerShell (neither form works in cmd.exe):",
    "",
    answer.download_command_powershell,
    "",
    answer.quoting,
    `Bytes: ${answer.bytes}${inUnits(answer.bytes)}`,
    `SHA-256: ${answer.sha256}`,
    `The URL works for ${answer.expires_in} seconds: ${answer.download_url}`,
    "",
    "Step 3: call imagekit_confirm_download, which deletes the copy on ImageKit, with",
    `transfer_id: ${answer.transfer_id}`,
  ].join("\n");

/** Text of a completed transfer. */
export function formatConfirmation(answer: UploadConfirmation | DownloadConfirmation): string {
  const proof = "sha256" in answer
    ? [
      `SHA-256: ${answer.sha256}`,
      `Verified by: ${answer.verified}`,
      ...(answer.permissions === undefined ? [] : [`Permissions set: ${answer.permissions}`]),
    ]
    : [];
  return [
    `[SUCCESS] ${printable(answer.message)}`,
    `Remote path: ${printable(answer.remote_path)}`,
    ...(answer.ctid === undefined ? [] : [`Container: ${answer.ctid}`]),
    `Bytes transferred: ${answer.bytes_transferred}${inUnits(answer.bytes_transferred)}`,
    ...proof,
    fateOfCopy(answer),
  ].join("\n");
}

function confirmed(
  message: string,
  { path, ctid }: UploadState | DownloadState,
  { deleted, purged }: Cleanup,
): DownloadConfirmation {
  return {
    success: true,
    message,
    remote_path: path,
    ...(ctid === undefined ? {} : { ctid }),
    bytes_transferred: 0,
    bridge_copy_deleted: deleted,
    cache_purged: purged,
  };
}

function fateOfCopy({ bridge_copy_deleted, cache_purged }: DownloadConfirmation): string {
  if (!bridge_copy_deleted) {
    return "Copy on ImageKit: could not be deleted now; it is deleted after the transfer has expired";
  }
  return cache_purged
    ? "Copy on ImageKit: deleted, and purged from its delivery cache"
    : "Copy on ImageKit: deleted; its delivery cache could not be purged and may keep the file for a while";
}

import { RemoteExecError } from "../../errors.ts";

/** The transfer_id is foreign, was altered, has expired, or was completed. */
export const transferNotFound = () =>
  new RemoteExecError(
    "not_found",
    "Transfer not found or expired",
    "Start a new transfer with imagekit_request_upload or imagekit_request_download",
  );

export const transferUnderWay = () =>
  new RemoteExecError(
    "busy",
    "Another call is completing this transfer",
    "Wait until that call has ended",
  );

export const wrongOperation = (transferId: string, wanted: "upload" | "download") =>
  new RemoteExecError(
    "invalid_argument",
    `Transfer ${transferId} is not ${wanted === "upload" ? "an upload" : "a download"} operation`,
    `Use imagekit_confirm_${wanted === "upload" ? "download" : "upload"} for it`,
  );

/** No file arrived. Usually the upload command failed, which uses up its token. */
export const notOnImageKit = () =>
  new RemoteExecError(
    "not_found",
    "File not found on ImageKit. Make sure upload completed successfully.",
    "Look for HTTP 200 in the output of the upload command. Each command works once: after a " +
      "failure, call imagekit_request_upload for a new one",
  );

export const foreignObject = (fileId: string) =>
  new RemoteExecError(
    "not_permitted",
    `The file ${fileId} on ImageKit does not belong to this transfer`,
    "Pass the fileId that the upload command printed, or leave file_id out",
  );

export const fileExists = (path: string, ctid: number | undefined) =>
  new RemoteExecError(
    "already_exists",
    `File already exists ${ctid === undefined ? "on host" : `in container ${ctid}`}: ${path}`,
    "Set overwrite=true to replace existing file",
  );

export const fileMissing = (path: string, ctid: number | undefined) =>
  new RemoteExecError(
    "not_found",
    `File not found in ${ctid === undefined ? "host" : `container ${ctid}`}: ${path}`,
    `Check the path with ${
      ctid === undefined ? "ssh_exec_command" : "proxmox_container_exec_command"
    }, for example \`ls -la\``,
  );

export const notARegularFile = (path: string, kind: "directory" | "other") =>
  kind === "directory"
    ? new RemoteExecError(
      "is_directory",
      `Remote path is a directory: ${path}`,
      "Pass the path of a file; pack a directory first, for example with tar",
    )
    : new RemoteExecError(
      "not_a_file",
      `Remote path is not a regular file: ${path}`,
      "Pass the path of a regular file",
    );

export const emptyFile = (path: string) =>
  new RemoteExecError(
    "unsupported",
    `${path} is empty, and ImageKit cannot hold an empty file`,
    "Create the empty file at its destination with a command, for example `: > name`",
  );

/** Returns the same failure with the name of the step that failed. */
export const failedAt = (step: string, error: RemoteExecError, suggestion = error.suggestion) =>
  new RemoteExecError(error.code, `${step}: ${error.message}`, suggestion, { cause: error });

/** The transfer expired before the file was stored. */
export const tookTooLong = (seconds: number) =>
  new RemoteExecError(
    "timeout",
    `Download preparation failed: it took longer than the ${seconds} seconds of a transfer`,
    "Raise IMAGEKIT_TRANSFER_TIMEOUT (seconds, max 3300), or transfer a smaller file",
  );

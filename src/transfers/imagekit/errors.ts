import { RemoteExecError } from "../../errors.ts";

/** The transfer_id is not ours, was altered, is over, or was completed. */
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
    "Wait for the answer of that call",
  );

export const wrongOperation = (transferId: string, wanted: "upload" | "download") =>
  new RemoteExecError(
    "invalid_argument",
    `Transfer ${transferId} is not ${wanted === "upload" ? "an upload" : "a download"} operation`,
    `Use imagekit_confirm_${wanted === "upload" ? "download" : "upload"} for it`,
  );

/** Nothing arrived: the usual reason is a command that failed, and with it its token. */
export const notOnImageKit = () =>
  new RemoteExecError(
    "not_found",
    "File not found on ImageKit. Make sure upload completed successfully.",
    "Look for HTTP 200 in the output of the upload command. A command works once, also when it " +
      "failed: call imagekit_request_upload again for a new one",
  );

export const foreignObject = (fileId: string) =>
  new RemoteExecError(
    "not_permitted",
    `The file ${fileId} on ImageKit is not the one of this transfer`,
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
      "Name a file; pack a directory first, for example with tar",
    )
    : new RemoteExecError(
      "not_a_file",
      `Remote path is not a regular file: ${path}`,
      "Name a regular file",
    );

export const emptyFile = (path: string) =>
  new RemoteExecError(
    "unsupported",
    `${path} is empty, and ImageKit cannot hold an empty file`,
    "Make the empty file at its destination by a command, for example `: > name`",
  );

/** The same failure under the words of the step that met it. */
export const failedAt = (step: string, error: RemoteExecError, suggestion = error.suggestion) =>
  new RemoteExecError(error.code, `${step}: ${error.message}`, suggestion, { cause: error });

/** The file became older than its time while it was still on its way. */
export const tookTooLong = (seconds: number) =>
  new RemoteExecError(
    "timeout",
    `Download preparation failed: it took longer than the ${seconds} seconds that a transfer stays open`,
    "Raise IMAGEKIT_TRANSFER_TIMEOUT (seconds, 3300 at most), or transfer a smaller file",
  );

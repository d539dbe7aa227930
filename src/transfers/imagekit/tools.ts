import { z } from "zod";
import {
  octalMode,
  overwriteArgument,
  pathArgument,
  pathCtidArgument,
} from "../../mcp/arguments.ts";
import { defineTool, responseFormat, type Tool } from "../../mcp/tool.ts";
import {
  confirmedDownload,
  confirmedUpload,
  downloadConfirmation,
  downloadRequest,
  formatConfirmation,
  formatDownloadRequest,
  formatUploadRequest,
  requestedDownload,
  requestedUpload,
  uploadConfirmation,
  uploadRequest,
} from "./answers.ts";
import type { ImageKitService } from "./service.ts";

const transferIdArgument = z.string().max(100_000);

/** Tools for two-phase transfers between the client's machine and the SSH host or a container. */
export const imageKitTools = (service: ImageKitService): Tool[] => [
  requestUploadTool(service),
  confirmUploadTool(service),
  requestDownloadTool(service),
  confirmDownloadTool(service),
];

const requestUploadTool = (service: ImageKitService): Tool =>
  defineTool({
    name: "imagekit_request_upload",
    title: "Upload a file over ImageKit, step 1 of 3",
    description:
      "Prepare the upload of one file from the user's machine to the SSH host or a container. Step 1 of 3: returns a curl " +
      "command. Step 2: run it where the file is, with the file's path instead of <YOUR_FILE_PATH>. " +
      "Step 3: imagekit_confirm_upload. The command works once, even if it fails.",
    effect: "changes",
    input: z.strictObject({
      remote_path: pathArgument.describe("Destination, for example /data/app.conf"),
      permissions: octalMode.optional().describe(
        "Octal mode in decimal digits, for example 644; default: the mode of the replaced file, or the umask",
      ),
      overwrite: overwriteArgument,
      ctid: pathCtidArgument,
      response_format: responseFormat,
    }),
    output: uploadRequest,
    async run({ remote_path: path, permissions, overwrite, ctid }, context) {
      const offer = await service.requestUpload({ path, permissions, overwrite, ctid }, context);
      const data = requestedUpload(offer);
      return { text: formatUploadRequest(data), data };
    },
  });

const confirmUploadTool = (service: ImageKitService): Tool =>
  defineTool({
    name: "imagekit_confirm_upload",
    title: "Upload a file over ImageKit, step 3 of 3",
    description:
      "Complete an upload after its curl command has printed HTTP 200: writes the file from ImageKit to its destination, " +
      "verifies it and deletes the copy on ImageKit. After a failure the copy is kept until the transfer expires, " +
      "so the same call can be repeated.",
    effect: "destroys",
    input: z.strictObject({
      transfer_id: transferIdArgument.describe("transfer_id from imagekit_request_upload"),
      file_id: z.string().regex(/^[A-Za-z0-9_-]{1,100}$/).optional().describe(
        "fileId that the upload command printed, for example 64d2f1c0e2a5b8f3a1c4d5e6; recommended, it saves a search",
      ),
      response_format: responseFormat,
    }),
    output: uploadConfirmation,
    async run({ transfer_id, file_id }, context) {
      const data = confirmedUpload(await service.confirmUpload(transfer_id, file_id, context));
      return { text: formatConfirmation(data), data };
    },
  });

const requestDownloadTool = (service: ImageKitService): Tool =>
  defineTool({
    name: "imagekit_request_download",
    title: "Download a file over ImageKit, step 1 of 3",
    description:
      "Prepare the download of one file from the SSH host or a container to the user's machine. Step 1 of 3: uploads the file " +
      "to ImageKit and returns a curl command. Step 2: run it on the user's machine, with the destination path instead of " +
      "<YOUR_FILE_PATH>. Step 3: imagekit_confirm_download, which deletes the copy.",
    effect: "changes",
    input: z.strictObject({
      remote_path: pathArgument.describe("File to download, for example /var/log/nginx/access.log"),
      ctid: pathCtidArgument,
      response_format: responseFormat,
    }),
    output: downloadRequest,
    async run({ remote_path: path, ctid }, context) {
      const data = requestedDownload(await service.requestDownload({ path, ctid }, context));
      return { text: formatDownloadRequest(data), data };
    },
  });

const confirmDownloadTool = (service: ImageKitService): Tool =>
  defineTool({
    name: "imagekit_confirm_download",
    title: "Download a file over ImageKit, step 3 of 3",
    description:
      "Complete a download after its curl command has succeeded: deletes the copy on ImageKit and purges its cache. " +
      "The download_url does not work afterwards.",
    effect: "destroys",
    input: z.strictObject({
      transfer_id: transferIdArgument.describe("transfer_id from imagekit_request_download"),
      response_format: responseFormat,
    }),
    output: downloadConfirmation,
    async run({ transfer_id }, context) {
      const data = confirmedDownload(await service.confirmDownload(transfer_id, context));
      return { text: formatConfirmation(data), data };
    },
  });

import * as z from "zod";
import {
  overwriteArgument,
  pathCtidArgument,
  permissionsArgument,
  remotePathArgument,
} from "../../mcp/arguments.ts";
import { type LongCalls, longOutput } from "../../mcp/long_calls.ts";
import { exactSize } from "../../mcp/words.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
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
export const imageKitTools = (service: ImageKitService, calls: LongCalls): Tool[] => [
  requestUploadTool(service),
  confirmUploadTool(service, calls),
  requestDownloadTool(service, calls),
  confirmDownloadTool(service),
];

const requestUploadTool = (service: ImageKitService): Tool =>
  defineTool({
    name: "imagekit_request_upload",
    title: "Upload over ImageKit, step 1 of 3",
    description:
      `Step 1 of 3 to upload one file (max ${
        exactSize(service.maxBytes)
      }) from the user's machine to the SSH ` +
      "host or a container: returns a curl command. Step 2: run it where the file is, with its path for " +
      "<YOUR_FILE_PATH>; it works once, even if it fails. Step 3: imagekit_confirm_upload.",
    effect: "changes",
    input: z.strictObject({
      remote_path: remotePathArgument,
      permissions: permissionsArgument("by umask"),
      overwrite: overwriteArgument,
      ctid: pathCtidArgument,
      response_format: unlistedFormat,
    }),
    output: uploadRequest,
    async run({ remote_path: path, permissions, overwrite, ctid }, context) {
      const offer = await service.requestUpload({ path, permissions, overwrite, ctid }, context);
      const data = requestedUpload(offer);
      return { text: formatUploadRequest(data), data };
    },
  });

const confirmUploadTool = (service: ImageKitService, calls: LongCalls): Tool =>
  defineTool({
    name: "imagekit_confirm_upload",
    title: "Upload over ImageKit, step 3 of 3",
    description:
      "Step 3 of 3, after the curl command printed HTTP 200: writes the file to its destination, verifies it and deletes " +
      "the copy on ImageKit. After a failure, the call can be repeated until the transfer expires.",
    effect: "destroys",
    input: z.strictObject({
      transfer_id: transferIdArgument.describe("From imagekit_request_upload"),
      file_id: z.string().regex(/^[A-Za-z0-9_-]{1,100}$/).optional().describe(
        "fileId that the command printed; saves a search",
      ),
      response_format: unlistedFormat,
    }),
    output: longOutput(uploadConfirmation),
    async run({ transfer_id, file_id }, context) {
      return await calls.run("imagekit_confirm_upload", context, async (context) => {
        const data = confirmedUpload(await service.confirmUpload(transfer_id, file_id, context));
        return { text: formatConfirmation(data), data };
      });
    },
  });

const requestDownloadTool = (service: ImageKitService, calls: LongCalls): Tool =>
  defineTool({
    name: "imagekit_request_download",
    title: "Download over ImageKit, step 1 of 3",
    description:
      `Step 1 of 3 to download one file (max ${
        exactSize(service.maxBytes)
      }) from the SSH host or a container to the ` +
      "user's machine: returns a curl command. Step 2: run it there, with the destination path for <YOUR_FILE_PATH>. " +
      "Step 3: imagekit_confirm_download.",
    effect: "changes",
    input: z.strictObject({
      remote_path: remotePathArgument,
      ctid: pathCtidArgument,
      response_format: unlistedFormat,
    }),
    output: longOutput(downloadRequest),
    async run({ remote_path: path, ctid }, context) {
      return await calls.run(`imagekit_request_download ${path}`, context, async (context) => {
        const data = requestedDownload(await service.requestDownload({ path, ctid }, context));
        return { text: formatDownloadRequest(data), data };
      });
    },
  });

const confirmDownloadTool = (service: ImageKitService): Tool =>
  defineTool({
    name: "imagekit_confirm_download",
    title: "Download over ImageKit, step 3 of 3",
    description:
      "Step 3 of 3, after the curl command succeeded: deletes the copy on ImageKit, which ends the download_url.",
    effect: "destroys",
    input: z.strictObject({
      transfer_id: transferIdArgument.describe("From imagekit_request_download"),
      response_format: unlistedFormat,
    }),
    output: downloadConfirmation,
    async run({ transfer_id }, context) {
      const data = confirmedDownload(await service.confirmDownload(transfer_id, context));
      return { text: formatConfirmation(data), data };
    },
  });

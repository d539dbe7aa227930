import { z } from "zod";
import type { Limits } from "../config/config.ts";
import {
  commandArgument,
  commandTimeoutArgument,
  localPathArgument,
  modeBits,
  octalMode,
  overwriteArgument,
  pathArgument,
} from "../mcp/arguments.ts";
import { defineTool, responseFormat, type Tool } from "../mcp/tool.ts";
import {
  execAnswer,
  execOutput,
  formatExec,
  formatTransfer,
  type HostName,
  transferAnswer,
  transferOutput,
} from "./outcome.ts";
import { endingError, type SshService } from "./service.ts";

/** Returns the tools of the SSH host. @param files includes the tools that copy files */
export const sshTools = (
  ssh: SshService,
  limits: Limits,
  host: HostName,
  { files }: { readonly files: boolean },
): Tool[] => [execTool(ssh, limits, host), ...(files ? fileTools(ssh, host) : [])];

/** Returns the tool that runs a command. */
const execTool = (ssh: SshService, limits: Limits, host: HostName): Tool =>
  defineTool({
    name: "ssh_exec_command",
    title: "Run a command on the SSH host",
    description:
      "Run one shell command on the configured host and wait for it to finish. It runs in the login shell without " +
      "a TTY; stdin is empty. A non-zero exit code is a result, not an error. On timeout or cancellation, all " +
      "processes of the command's session are stopped on the host and the output so far is returned.",
    effect: "destroys",
    input: z.strictObject({
      command: commandArgument.describe("Command line for the login shell, for example `df -h /`"),
      timeout: commandTimeoutArgument(limits.timeoutMs),
      response_format: responseFormat,
    }),
    output: execOutput,
    async run({ command, timeout }, context) {
      const timeoutMs = timeout * 1000;
      const outcome = await ssh.exec({ command, timeoutMs, ...context });
      const data = execAnswer(command, outcome, host);
      const failure = endingError(outcome, timeoutMs);
      return { text: formatExec(data), data, ...(failure === undefined ? {} : { failure }) };
    },
  });

/** Returns the tools that copy files between this machine and the SSH host. */
const fileTools = (ssh: SshService, host: HostName): Tool[] => [
  defineTool({
    name: "ssh_upload_file",
    title: "Upload a file to the SSH host",
    description:
      "Copy one file from this machine (inside WORKING_DIRECTORY) to the SSH host over SFTP. The file appears " +
      "at remote_path only after size and sha256 match. An existing file is replaced only if overwrite is true.",
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      local_path: localPathArgument,
      remote_path: pathArgument.describe(
        "File on the host; relative paths and ~ start at the login directory, for example /etc/app/app.conf",
      ),
      permissions: octalMode.optional().describe(
        "Octal mode as a number, for example 644. Default: the replaced file's mode, or the host's umask",
      ),
      overwrite: overwriteArgument,
      response_format: responseFormat,
    }),
    output: transferOutput,
    async run({ local_path, remote_path, permissions, overwrite }, context) {
      const outcome = await ssh.copy({
        from: { kind: "local", path: local_path },
        to: { kind: "host", path: remote_path },
        overwrite,
        ...(permissions === undefined ? {} : { mode: modeBits(permissions) }),
        ...context,
      });
      const data = transferAnswer("upload", { local_path, remote_path }, outcome, permissions);
      return { text: formatTransfer(data, host), data };
    },
  }),
  defineTool({
    name: "ssh_download_file",
    title: "Download a file from the SSH host",
    description:
      "Copy one file from the SSH host to this machine (inside WORKING_DIRECTORY) over SFTP. Missing local " +
      "directories are created. An existing file is replaced only if overwrite is true.",
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      remote_path: pathArgument.describe("File on the host, for example /var/log/nginx/access.log"),
      local_path: localPathArgument,
      overwrite: overwriteArgument,
      response_format: responseFormat,
    }),
    output: transferOutput,
    async run({ remote_path, local_path, overwrite }, context) {
      const outcome = await ssh.copy({
        from: { kind: "host", path: remote_path },
        to: { kind: "local", path: local_path },
        overwrite,
        ...context,
      });
      const data = transferAnswer("download", { local_path, remote_path }, outcome, undefined);
      return { text: formatTransfer(data, host), data };
    },
  }),
];

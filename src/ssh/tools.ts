import { z } from "zod";
import type { Limits } from "../config/config.ts";
import {
  commandArgument,
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

/**
 * The tools of the SSH host.
 *
 * @param files whether the tools that copy files are among them
 */
export const sshTools = (
  ssh: SshService,
  limits: Limits,
  host: HostName,
  { files }: { readonly files: boolean },
): Tool[] => [execTool(ssh, limits, host), ...(files ? fileTools(ssh, host) : [])];

/** Seconds; the default is the configured TIMEOUT. */
const timeoutArgument = (limits: Limits) =>
  z.number().int().min(1).max(300).default(limits.timeoutMs / 1000)
    .describe(
      "Seconds before the command is stopped on the host, connecting included; for example 120",
    );

/** The tool that runs a command on the SSH host. */
const execTool = (ssh: SshService, limits: Limits, host: HostName): Tool =>
  defineTool({
    name: "ssh_exec_command",
    title: "Run a command on the SSH host",
    description:
      "Run one shell command on the configured host and wait for it to end. It runs in the login shell " +
      "without a terminal and with stdin at its end. A non-zero exit code is a result, not an error. On timeout or " +
      "cancellation everything in the command's session is stopped on the host and the output so far is returned.",
    effect: "destroys",
    input: z.strictObject({
      command: commandArgument.describe("Line for the remote login shell, for example `df -h /`"),
      timeout: timeoutArgument(limits),
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

/** The tools that copy files between this machine and the SSH host. */
const fileTools = (ssh: SshService, host: HostName): Tool[] => [
  defineTool({
    name: "ssh_upload_file",
    title: "Upload a file to the SSH host",
    description:
      "Copy one file from this machine (inside WORKING_DIRECTORY) to the SSH host over SFTP. The file gets " +
      "its name only when size and sha256 agree; an existing file is refused unless overwrite is true.",
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      local_path: pathArgument.describe(
        "File on this machine, relative to WORKING_DIRECTORY or absolute, for example report.pdf",
      ),
      remote_path: pathArgument.describe(
        "File on the host; relative paths and ~ start at the login directory, for example /etc/app/app.conf",
      ),
      permissions: octalMode.optional().describe(
        "Octal mode in decimal digits, for example 644; by default the host's umask, or the replaced file's mode",
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
      "directories are made; an existing file is refused unless overwrite is true.",
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      remote_path: pathArgument.describe("File on the host, for example /var/log/nginx/access.log"),
      local_path: pathArgument.describe(
        "File on this machine, relative to WORKING_DIRECTORY or absolute, for example logs/access.log",
      ),
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

import * as z from "zod";
import type { Limits } from "../config/config.ts";
import {
  commandArgument,
  commandTimeoutArgument,
  hostPathArgument,
  localPathArgument,
  modeBits,
  overwriteArgument,
  permissionsArgument,
  sudoField,
  wantsRoot,
} from "../mcp/arguments.ts";
import { exactSize, shortHost } from "../mcp/words.ts";
import { defineTool, responseFormat, type Tool, unlistedFormat } from "../mcp/tool.ts";
import {
  commandRules,
  execAnswer,
  execOutput,
  formatExec,
  formatTransfer,
  type HostName,
  transferAnswer,
  transferOutput,
} from "./outcome.ts";
import type { Endpoint } from "./endpoint.ts";
import { endingError, type SshService } from "./service.ts";

/**
 * Returns the tools of the SSH host.
 *
 * @param files includes the tools that copy files
 * @param sudo adds the argument `sudo`
 */
export const sshTools = (
  ssh: SshService,
  limits: Limits,
  host: HostName,
  { files, sudo }: { readonly files: boolean; readonly sudo: boolean },
): Tool[] => [
  execTool(ssh, limits, host, sudo),
  ...(files ? fileTools(ssh, limits, host, sudo) : []),
];

/** Returns the tool that runs a command. */
const execTool = (ssh: SshService, limits: Limits, host: HostName, hasSudo: boolean): Tool =>
  defineTool({
    name: "ssh_exec_command",
    title: "Run a command on the SSH host",
    description: `Run one shell command as ${host.user}${hasSudo ? " (sudo: as root)" : ""} on ` +
      `${shortHost(host.host)}, in the login shell, and ` +
      `wait for it. ${commandRules(limits, ssh.answerWithinMs)}`,
    effect: "destroys",
    input: z.strictObject({
      command: commandArgument,
      timeout: commandTimeoutArgument(limits.timeoutMs),
      ...sudoField(hasSudo),
      response_format: responseFormat,
    }),
    output: execOutput,
    async run({ command, timeout, ...more }, context) {
      const timeoutMs = timeout * 1000;
      const sudo = wantsRoot(more);
      const readOn = ssh.readOn(timeoutMs, { shown: command });
      const root = sudo ? { sudo } : {};
      const outcome = await ssh.exec({ command, timeoutMs, ...root, ...readOn, ...context });
      const data = execAnswer(command, outcome, sudo ? { ...host, user: "root" } : host);
      const failure = endingError(outcome, timeoutMs);
      return { text: formatExec(data), data, ...(failure === undefined ? {} : { failure }) };
    },
  });

/** Returns the tools that copy files between this machine and the SSH host. */
const fileTools = (
  ssh: SshService,
  limits: Limits,
  host: HostName,
  hasSudo: boolean,
): Tool[] => [
  defineTool({
    name: "ssh_upload_file",
    title: "Upload a file to the SSH host",
    description: `Copy one file (max ${exactSize(limits.maxFileBytes)}) from this machine to ` +
      `${shortHost(host.host)} over SFTP. It appears there only after size and sha256 match.`,
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      local_path: localPathArgument,
      remote_path: hostPathArgument,
      permissions: permissionsArgument("by umask"),
      overwrite: overwriteArgument,
      ...sudoField(hasSudo),
      response_format: unlistedFormat,
    }),
    output: transferOutput,
    async run({ local_path, remote_path, permissions, overwrite, ...more }, context) {
      const outcome = await ssh.copy({
        from: { kind: "local", path: local_path },
        to: hostEnd(remote_path, more),
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
      `Copy one file (max ${exactSize(limits.maxFileBytes)}) from ${
        shortHost(host.host)
      } to this ` +
      "machine over SFTP. It appears there only after size and sha256 match; missing directories are made.",
    effect: "destroys",
    idempotent: true,
    input: z.strictObject({
      remote_path: hostPathArgument,
      local_path: localPathArgument,
      overwrite: overwriteArgument,
      ...sudoField(hasSudo),
      response_format: unlistedFormat,
    }),
    output: transferOutput,
    async run({ remote_path, local_path, overwrite, ...more }, context) {
      const outcome = await ssh.copy({
        from: hostEnd(remote_path, more),
        to: { kind: "local", path: local_path },
        overwrite,
        ...context,
      });
      const data = transferAnswer("download", { local_path, remote_path }, outcome, undefined);
      return { text: formatTransfer(data, host), data };
    },
  }),
];

const hostEnd = (path: string, more: object): Endpoint =>
  wantsRoot(more) ? { kind: "host", path, sudo: true } : { kind: "host", path };

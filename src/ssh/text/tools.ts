import { z } from "zod";
import {
  hostPathArgument,
  modeBits,
  pathArgument,
  pathCtidArgument,
  permissionsArgument,
  remotePathArgument,
} from "../../mcp/arguments.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import { exactSize, grouped, shortHost } from "../../mcp/words.ts";
import {
  formatList,
  formatRead,
  formatWrite,
  listAnswer,
  listOutput,
  readAnswer,
  readOutput,
  writeAnswer,
  writeOutput,
} from "./answers.ts";
import { ctidOf, sha256Argument } from "./common_arguments.ts";
import { editTool } from "./edit_tool.ts";
import type { TextService } from "./service.ts";

/** Returns the tools for text files. @param host for descriptions */
export const textTools = (service: TextService, host: { readonly host: string }): Tool[] => [
  readTool(service, host),
  writeTool(service, host),
  editTool(service),
  listTool(service),
];

const count = z.number().int().min(1);

/** A file on the host; with Proxmox, also one in a container. */
const places = (service: TextService) =>
  service.hasContainers ? remotePathArgument : hostPathArgument;

function readTool(service: TextService, host: { readonly host: string }): Tool {
  const { characterLimit, maxFileBytes } = service.limits;
  const input = z.strictObject({
    path: places(service),
    from_line: count.default(1),
    lines: count.optional(),
    tail_lines: count.optional().describe("The last lines instead"),
    ctid: pathCtidArgument,
    response_format: unlistedFormat,
  });
  return defineTool({
    name: "ssh_read_file",
    title: "Read a text file",
    description: `Read lines of a text file on ${shortHost(host.host)}, at most ${
      grouped(characterLimit)
    } characters at once; quick in large logs too. Lines and sha256 are counted up to ${
      exactSize(maxFileBytes)
    }.`,
    effect: "reads",
    input: service.hasContainers ? input : input.omit({ ctid: true }),
    output: readOutput,
    async run({ path, from_line: fromLine, lines, tail_lines: tailLines, ...rest }, context) {
      const ctid = ctidOf(rest);
      const page = await service.read({ path, ctid, fromLine, lines, tailLines, ...context });
      const data = readAnswer(path, page);
      return { text: formatRead(data), data };
    },
  });
}

function writeTool(service: TextService, host: { readonly host: string }): Tool {
  const input = z.strictObject({
    path: places(service),
    content: z.string(),
    permissions: permissionsArgument("by umask"),
    overwrite: z.boolean().default(false).describe("Replace an existing file"),
    create_directories: z.boolean().default(false),
    expect_sha256: sha256Argument,
    ctid: pathCtidArgument,
    response_format: unlistedFormat,
  });
  return defineTool({
    name: "ssh_write_file",
    title: "Write a text file",
    description: `Write a complete UTF-8 file (max ${exactSize(service.limits.maxFileBytes)}) on ${
      shortHost(host.host)
    }, exactly as given. It appears only after verification.`,
    effect: "destroys",
    idempotent: true,
    input: service.hasContainers ? input : input.omit({ ctid: true }),
    output: writeOutput,
    async run({ path, content, permissions, overwrite, ...rest }, context) {
      const outcome = await service.write({
        path,
        content,
        overwrite,
        ctid: ctidOf(rest),
        mode: permissions === undefined ? undefined : modeBits(permissions),
        parents: rest.create_directories,
        expectSha256: rest.expect_sha256,
        ...context,
      });
      const data = writeAnswer(path, outcome);
      return { text: formatWrite(data), data };
    },
  });
}

function listTool(service: TextService): Tool {
  const input = z.strictObject({
    path: pathArgument.describe("E.g. /etc/nginx"),
    depth: z.number().int().min(1).max(20).default(1),
    hidden: z.boolean().default(false),
    limit: z.number().int().min(1).max(1_000).default(1_000),
    ctid: pathCtidArgument,
    response_format: unlistedFormat,
  });
  return defineTool({
    name: "ssh_list_directory",
    title: "List a directory",
    description: "List a directory: names, types, sizes, times, modes, owners and link targets.",
    effect: "reads",
    input: service.hasContainers ? input : input.omit({ ctid: true }),
    output: listOutput,
    async run({ path, depth, hidden, limit, ...rest }, context) {
      const listing = await service.list({
        ...{ path, depth, hidden, limit, ctid: ctidOf(rest) },
        ...context,
      });
      const data = listAnswer(path, listing, service.limits.characterLimit);
      return { text: formatList(data), data };
    },
  });
}

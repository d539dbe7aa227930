import * as z from "zod";
import { modeBits, octalMode, sudoField, wantsRoot } from "../../mcp/arguments.ts";
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
import {
  ctidOf,
  flag,
  placeArgument,
  placeCtidArgument,
  sha256Argument,
  wellFormed,
} from "./common_arguments.ts";
import { editTool } from "./edit_tool.ts";
import type { TextService } from "./service.ts";

/** Returns the tools for text files. @param host for descriptions */
export const textTools = (service: TextService, host: { readonly host: string }): Tool[] => [
  readTool(service, host),
  writeTool(service, host),
  editTool(service),
  listTool(service),
];

const count = z.number().int().min(1).optional();

function readTool(service: TextService, host: { readonly host: string }): Tool {
  const input = z.strictObject({
    path: placeArgument,
    from_line: count,
    lines: count,
    tail_lines: count,
    ctid: placeCtidArgument,
    ...sudoField(service.hasSudo),
    response_format: unlistedFormat,
  });
  return defineTool({
    name: "ssh_read_file",
    title: "Read a file",
    description: `Read a text file on ${shortHost(host.host)}${inContainer(service)}, ${
      grouped(service.limits.characterLimit)
    } characters at once; quick in large logs.`,
    effect: "reads",
    input: service.hasContainers ? input : input.omit({ ctid: true }),
    output: readOutput,
    async run({ path, from_line: fromLine = 1, lines, tail_lines: tailLines, ...rest }, context) {
      const [ctid, sudo] = [ctidOf(rest), wantsRoot(rest)];
      const page = await service.read({ path, ctid, sudo, fromLine, lines, tailLines, ...context });
      const data = readAnswer(page, tailLines !== undefined);
      return { text: formatRead(path, data), data };
    },
  });
}

function writeTool(service: TextService, host: { readonly host: string }): Tool {
  const input = z.strictObject({
    path: placeArgument,
    content: wellFormed,
    permissions: octalMode.optional().describe("Like 644"),
    overwrite: flag,
    create_directories: flag,
    expect_sha256: sha256Argument,
    ctid: placeCtidArgument,
    ...sudoField(service.hasSudo),
    response_format: unlistedFormat,
  });
  return defineTool({
    name: "ssh_write_file",
    title: "Write a file",
    description: `Write a text file (max ${exactSize(service.limits.maxFileBytes)}) on ${
      shortHost(host.host)
    }${inContainer(service)}, exactly as given.`,
    effect: "destroys",
    idempotent: true,
    input: service.hasContainers ? input : input.omit({ ctid: true }),
    output: writeOutput,
    async run({ path, content, permissions, overwrite = false, ...rest }, context) {
      const outcome = await service.write({
        path,
        content,
        overwrite,
        ctid: ctidOf(rest),
        sudo: wantsRoot(rest),
        mode: permissions === undefined ? undefined : modeBits(permissions),
        parents: rest.create_directories ?? false,
        expectSha256: rest.expect_sha256,
        ...context,
      });
      const data = writeAnswer(outcome);
      return { text: formatWrite(path, data), data };
    },
  });
}

const inContainer = ({ hasContainers }: TextService): string =>
  hasContainers ? " or in a container" : "";

const MAX_ENTRIES = 1_000;

function listTool(service: TextService): Tool {
  const input = z.strictObject({
    path: placeArgument,
    depth: z.number().int().min(1).max(20).default(1),
    hidden: flag,
    limit: z.number().int().min(1).max(MAX_ENTRIES).default(MAX_ENTRIES),
    ctid: placeCtidArgument,
    ...sudoField(service.hasSudo),
    response_format: unlistedFormat,
  });
  return defineTool({
    name: "ssh_list_directory",
    title: "List a directory",
    description: `List a directory on the host${inContainer(service)}.`,
    effect: "reads",
    input: service.hasContainers ? input : input.omit({ ctid: true }),
    output: listOutput,
    async run({ path, depth, hidden = false, limit, ...rest }, context) {
      const listing = await service.list({
        ...{ path, depth, hidden, limit, ctid: ctidOf(rest), sudo: wantsRoot(rest) },
        ...context,
      });
      const data = listAnswer(listing, service.limits.characterLimit);
      return { text: formatList(path, data), data };
    },
  });
}

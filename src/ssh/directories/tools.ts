import * as z from "zod";
import { printable } from "../../errors.ts";
import { pathArgument, plainCtidArgument, sudoField, wantsRoot } from "../../mcp/arguments.ts";
import { defineTool, type Tool, type ToolContext, unlistedFormat } from "../../mcp/tool.ts";
import { humanSize } from "../../mcp/words.ts";
import type { DirectoryOutcome, DirectoryRequest } from "./port.ts";
import { type DirectoryService, outcomeError } from "./service.ts";

const inputOf = (hasSudo: boolean) =>
  z.strictObject({
    local_path: pathArgument,
    remote_path: pathArgument,
    exclude: z.array(z.string().min(1).max(1000)).optional().describe("Like .gitignore"),
    delete: z.number().int().min(0).optional().describe(
      "Delete extra files: a dry run's `deleted`",
    ),
    overwrite: z.boolean().optional(),
    dry_run: z.boolean().optional(),
    ctid: plainCtidArgument,
    ...sudoField(hasSudo),
    response_format: unlistedFormat,
  });

const output = z.object({
  success: z.boolean().describe("Nothing failed"),
  sent: z.number().int(),
  unchanged: z.number().int(),
  deleted: z.number().int(),
  failed: z.array(z.object({ path: z.string(), reason: z.string() })),
  failed_count: z.number().int().meta({ unlisted: true }),
  bytes: z.number().int().meta({ unlisted: true }),
  seconds: z.number().meta({ unlisted: true }),
  warnings: z.array(z.string()).optional().meta({ unlisted: true }),
});

type Answer = z.infer<typeof output>;

type Arguments = Omit<z.output<ReturnType<typeof inputOf>>, "ctid"> & {
  readonly ctid?: number | undefined;
};

/** Returns the tools that copy directories. */
export function directoryTools(directories: DirectoryService): Tool[] {
  const run = (direction: DirectoryRequest["direction"]) =>
  async (
    {
      local_path,
      remote_path,
      exclude = [],
      delete: deleteCount,
      overwrite = false,
      dry_run = false,
      ctid,
      ...more
    }: Arguments,
    context: ToolContext,
  ) => {
    const outcome = await directories.copy({
      direction,
      localPath: local_path,
      remotePath: remote_path,
      ctid,
      ...(wantsRoot(more) ? { sudo: true } : {}),
      exclude,
      overwrite,
      dryRun: dry_run,
      ...(deleteCount === undefined ? {} : { deleteCount }),
      ...context,
    });
    const data = answerOf(outcome);
    const failure = outcomeError(outcome);
    return { text: format(data, dry_run), data, ...(failure === undefined ? {} : { failure }) };
  };
  const input = inputOf(directories.hasSudo);
  const rest = {
    effect: "destroys" as const,
    idempotent: true,
    input: directories.hasContainers ? input : input.omit({ ctid: true }),
    output,
  };
  return [
    defineTool({
      name: "ssh_upload_directory",
      title: "Upload a directory",
      description: "Sync a local directory to the host",
      ...rest,
      run: run("upload"),
    }),
    defineTool({
      name: "ssh_download_directory",
      title: "Download a directory",
      description: "Sync a host directory to here",
      ...rest,
      run: run("download"),
    }),
  ];
}

const answerOf = (outcome: DirectoryOutcome): Answer => ({
  success: outcome.failedCount === 0,
  sent: outcome.sent,
  unchanged: outcome.unchanged,
  deleted: outcome.deleted,
  failed: [...outcome.failed],
  failed_count: outcome.failedCount,
  bytes: outcome.bytes,
  seconds: outcome.durationMs / 1000,
  ...(outcome.warnings.length === 0 ? {} : { warnings: [...outcome.warnings] }),
});

function format(answer: Answer, isDryRun: boolean): string {
  const { sent, unchanged, deleted, failed, failed_count, bytes, seconds } = answer;
  const more = failed_count - failed.length;
  return [
    isDryRun
      ? "[DRY RUN] Nothing was changed. A copy would do this:"
      : failed_count === 0
      ? "[DONE] Directory copied"
      : "[DONE] Directory copied, except what failed",
    `Sent: ${sent} (${bytes} bytes${bytes < 1000 ? "" : `, ${humanSize(bytes)}`})`,
    `Unchanged: ${unchanged}`,
    `Deleted: ${deleted}${isDryRun && deleted > 0 ? ` (only with delete=${deleted})` : ""}`,
    `Failed: ${failed_count}`,
    ...failed.map(({ path, reason }) => `- ${printable(path)}: ${printable(reason)}`),
    ...(more > 0 ? [`- and ${more} more`] : []),
    `Seconds: ${seconds}`,
    ...(answer.warnings ?? []).map((warning) => `Warning: ${warning}`),
  ].join("\n");
}

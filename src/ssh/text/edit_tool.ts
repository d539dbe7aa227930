import * as z from "zod";
import { printable, RemoteExecError } from "../../errors.ts";
import { commandArgument, sudoField, wantsRoot } from "../../mcp/arguments.ts";
import { defineTool, type Tool, unlistedFormat } from "../../mcp/tool.ts";
import type { ExecOutcome } from "../port.ts";
import { warningLines, warnings } from "./answers.ts";
import {
  ctidOf,
  flag,
  placeArgument,
  placeCtidArgument,
  sha256Argument,
  wellFormed,
} from "./common_arguments.ts";
import { firstCodePoints } from "./page.ts";
import type { EditOutcome, TextService } from "./service.ts";

const editOutput = z.object({
  success: z.literal(true),
  changed: z.boolean().describe("Now on the host"),
  replacements: z.number().int(),
  sha256: z.string().describe("Of the file now"),
  diff: z.string(),
  check: z.object({
    exit_code: z.number().int().nullable(),
    stdout: z.string(),
    stderr: z.string(),
  }).optional().describe("exit_code, stdout, stderr").meta({ sketched: true }),
  warnings: z.array(z.string()).optional(),
});

type EditAnswer = z.infer<typeof editOutput>;

const MAX_EDITS = 100;

/** Returns the tool that edits a text file. */
export function editTool(service: TextService): Tool {
  const input = z.strictObject({
    path: placeArgument,
    edits: z.array(z.strictObject({
      old_text: wellFormed.min(1),
      new_text: wellFormed,
      replace_all: flag,
    })).min(1).max(MAX_EDITS).describe("{old_text, new_text, replace_all}").meta({
      sketched: true,
    }),
    expect_sha256: sha256Argument,
    dry_run: flag,
    check: commandArgument.optional().describe("Command; undone if it fails"),
    ctid: placeCtidArgument,
    ...sudoField(service.hasSudo),
    response_format: unlistedFormat,
  });
  return defineTool({
    name: "ssh_edit_file",
    title: "Edit a file",
    description: "Replace unique texts in a file, all or none.",
    effect: "destroys",
    input: service.hasContainers ? input : input.omit({ ctid: true }),
    output: editOutput,
    async run({ path, edits, dry_run: dryRun = false, check, ...rest }, context) {
      const outcome = await service.edit({
        path,
        ctid: ctidOf(rest),
        sudo: wantsRoot(rest),
        edits: edits.map(({ old_text, new_text, replace_all = false }) => ({
          oldText: old_text,
          newText: new_text,
          replaceAll: replace_all,
        })),
        expectSha256: rest.expect_sha256,
        dryRun,
        check,
        ...context,
      });
      const { characterLimit, timeoutMs } = service.limits;
      const data = editAnswer(outcome, characterLimit);
      const failure = outcome.written?.isKept === false && outcome.check
        ? checkFailed(path, outcome.check, timeoutMs)
        : undefined;
      return { text: formatEdit(path, data), data, ...(failure === undefined ? {} : { failure }) };
    },
  });
}

function editAnswer(outcome: EditOutcome, maxCharacters: number): EditAnswer {
  const { written, check } = outcome;
  const isChanged = written?.isKept ?? false;
  const diff = cutDiff(outcome.diff, maxCharacters);
  const { warnings: lost = [] } = warnings(isChanged ? written : undefined);
  const notices = [...lost, ...(diff === outcome.diff ? [] : ["The diff was cut at the limit"])];
  return {
    success: true,
    changed: isChanged,
    replacements: outcome.replacements,
    sha256: outcome.sha256,
    diff: written?.isKept === false ? "" : diff,
    ...(check === undefined ? {} : { check: checkAnswer(check) }),
    ...(notices.length === 0 ? {} : { warnings: notices }),
  };
}

const checkAnswer = ({ exitCode, stdout, stderr }: ExecOutcome) => ({
  exit_code: exitCode,
  stdout: stdout.text,
  stderr: stderr.text,
});

/** Keeps complete lines. */
function cutDiff(diff: string, maxCharacters: number): string {
  const kept = firstCodePoints(diff, maxCharacters);
  return kept.length === diff.length ? diff : kept.slice(0, kept.lastIndexOf("\n") + 1);
}

function formatEdit(path: string, answer: EditAnswer): string {
  const { check, diff } = answer;
  return [
    `${answer.changed ? "File changed" : "File not changed"}: ${printable(path)}`,
    `Replacements: ${answer.replacements}`,
    `SHA-256: ${answer.sha256}`,
    ...warningLines(answer),
    ...(check === undefined ? [] : [`Check: exit code ${check.exit_code ?? "none"}`]),
    ...(check === undefined || check.stdout === ""
      ? []
      : ["", "=== CHECK STDOUT ===", check.stdout]),
    ...(check === undefined || check.stderr === ""
      ? []
      : ["", "=== CHECK STDERR ===", check.stderr]),
    ...(diff === "" ? [] : ["", "=== DIFF ===", diff]),
  ].join("\n");
}

function checkFailed(path: string, check: ExecOutcome, timeoutMs: number): RemoteExecError {
  if (check.ending === "cancelled") {
    return new RemoteExecError(
      "cancelled",
      `The call was cancelled during the check; ${printable(path)} has its old content again`,
      "Call the tool again if it is needed",
    );
  }
  const reason = check.ending === "timeout"
    ? `did not end within ${timeoutMs / 1000} seconds`
    : check.exitCode === null
    ? `did not end normally (${check.signal ?? check.ending})`
    : `failed with exit code ${check.exitCode}`;
  return new RemoteExecError(
    "check_failed",
    `The check ${reason}; ${printable(path)} has its old content again`,
    "Correct the edits by the output of the check",
  );
}

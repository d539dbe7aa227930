import * as z from "zod";
import { escaped, printable } from "../../errors.ts";
import { grouped, inUnits } from "../../mcp/words.ts";
import type { ContentOutcome, Listing, Lost, TextPage } from "./port.ts";

const mode = (bits: number): string => bits.toString(8).padStart(4, "0");
/** File systems may hold times that no date can. */
function time(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? "?" : date.toISOString().replace(/\.000Z$/, "Z");
}

/** A field that explains itself; listing it would cost tokens. */
const unlisted = z.string().meta({ unlisted: true });

export const readOutput = z.object({
  success: z.literal(true),
  text: z.string(),
  first_line: z.number().int().optional(),
  last_line: z.number().int().optional(),
  next_line: z.number().int().optional().describe("If more follows"),
  total_lines: z.number().int().nullable().describe("null: large"),
  size: z.number().int(),
  sha256: z.string().nullable().describe("null: large"),
  encoding: z.string(),
  line_ending: z.string(),
  mode: z.string(),
  owner: unlisted,
  mtime: unlisted,
  notice: unlisted.optional(),
});

type ReadAnswer = z.infer<typeof readOutput>;

/** Builds the answer for a page. @param isTail the last lines were asked for */
export function readAnswer(page: TextPage, isTail: boolean): ReadAnswer {
  const { lastLine, hasMore } = page;
  const next = lastLine !== null && hasMore !== false ? lastLine + 1 : undefined;
  const notice = noticeOf(page, isTail);
  return {
    success: true,
    text: page.text,
    // Where lines are not counted, the numbers of the last ones are not known.
    ...(page.firstLine === null ? {} : { first_line: page.firstLine }),
    ...(lastLine === null ? {} : { last_line: lastLine }),
    ...(next === undefined ? {} : { next_line: next }),
    total_lines: page.totalLines,
    size: page.size,
    sha256: page.sha256,
    encoding: page.encoding,
    line_ending: page.lineEnding,
    mode: mode(page.mode),
    owner: page.owner ?? "?",
    mtime: time(page.mtimeMs),
    ...(notice === undefined ? {} : { notice }),
  };
}

function noticeOf(
  { hasCutLine, isCut, lastLine }: TextPage,
  isTail: boolean,
): string | undefined {
  if (hasCutLine) {
    return isTail
      ? "The line is longer than the limit: its start is missing"
      : `Line ${lastLine} is longer than the limit: its end is missing (\`cut -c\` shows it)`;
  }
  return isCut ? "Cut at the limit of characters" : undefined;
}

/** Formats the answer: the file's facts first, so that its text cannot be mistaken for them. */
export const formatRead = (path: string, answer: ReadAnswer): string =>
  [
    `File: ${printable(path)}`,
    `Lines: ${answer.first_line ?? "?"}-${answer.last_line ?? "?"} of ${answer.total_lines ?? "?"}`,
    ...(answer.next_line === undefined ? [] : [`Next: from_line=${answer.next_line}`]),
    ...(answer.notice === undefined ? [] : [`[NOTICE] ${answer.notice}`]),
    `Size: ${answer.size} bytes${inUnits(answer.size)}`,
    `SHA-256: ${answer.sha256 ?? "?"}`,
    `Encoding: ${answer.encoding}, line ends ${answer.line_ending}`,
    `Mode: ${answer.mode}, owner ${printable(answer.owner)}, modified ${answer.mtime}`,
    "",
    "=== TEXT ===",
    answer.text,
  ].join("\n");

export const writeOutput = z.object({
  success: z.literal(true),
  bytes_transferred: z.number().int(),
  sha256: z.string(),
  verified: z.enum(["sha256", "size"]).describe("Compared with content"),
  created: z.boolean().describe("false: replaced"),
  warnings: z.array(z.string()).optional(),
});

type WriteAnswer = z.infer<typeof writeOutput>;

/** Builds the answer for a written file. */
export const writeAnswer = (
  outcome: ContentOutcome & { readonly bytes: number },
): WriteAnswer => ({
  success: true,
  bytes_transferred: outcome.bytes,
  sha256: outcome.sha256,
  verified: outcome.verified,
  created: outcome.created,
  ...warnings(outcome),
});

export const formatWrite = (path: string, answer: WriteAnswer): string =>
  [
    `[SUCCESS] File ${answer.created ? "created" : "replaced"}: ${printable(path)}`,
    `Bytes transferred: ${answer.bytes_transferred}${inUnits(answer.bytes_transferred)}`,
    `SHA-256: ${answer.sha256}`,
    `Verified by: ${answer.verified}`,
    ...warningLines(answer),
  ].join("\n");

/** Returns a field for what the new file could not keep. */
export function warnings(outcome: ContentOutcome | undefined): { warnings?: string[] } {
  const texts = (outcome?.lost ?? []).map((each) => LOST[each](outcome?.mode));
  return texts.length === 0 ? {} : { warnings: texts };
}

const LOST: Readonly<Record<Lost, (bits: number | undefined) => string>> = {
  mode: (bits) => `The mode could not be set${bits === undefined ? "" : `: it is ${mode(bits)}`}`,
  owner: () => "The owner or group changed: this login may not set it",
  acl: () => "The access control list was not kept",
  links: () => "Other hard links of the file keep the old content",
};

export const warningLines = (answer: { readonly warnings?: string[] | undefined }): string[] =>
  (answer.warnings ?? []).map((warning) => `Warning: ${warning}`);

export const listOutput = z.object({
  success: z.literal(true),
  entries: z.array(z.object({
    name: z.string(),
    type: z.string().describe("file, directory, link, other"),
    size: z.number().int(),
    mtime: z.string(),
    mode: z.string(),
    owner: z.string(),
    target: z.string().optional(),
  })),
  omitted: z.number().int(),
  unreadable: z.array(z.string()).optional(),
  notice: unlisted.optional(),
});

type ListAnswer = z.infer<typeof listOutput>;

/** Builds the answer for a directory; its entries have at most `maxCharacters`, as JSON and as text. */
export function listAnswer(listing: Listing, maxCharacters: number): ListAnswer {
  const entries: ListAnswer["entries"] = [];
  let left = maxCharacters;
  for (const { path: name, kind, mtimeMs, mode: bits, owner, size, target } of listing.entries) {
    const entry = {
      ...{ name, type: kind, size, mtime: time(mtimeMs), mode: mode(bits), owner },
      ...(target === undefined ? {} : { target }),
    };
    left -= Math.max(JSON.stringify(entry).length, lineLength(entry)) + 1;
    if (left < 0) break;
    entries.push(entry);
  }
  const omitted = listing.omitted + listing.entries.length - entries.length;
  const unreadable = listing.unreadable.slice(0, MAX_UNREADABLE);
  return {
    success: true,
    entries,
    omitted,
    ...(unreadable.length === 0 ? {} : { unreadable }),
    ...(listing.isCut ? { notice: MORE } : {}),
  };
}

/** Escaped, a name may be six times as long. */
const lineLength = ({ name, target = "" }: ListAnswer["entries"][number]): number =>
  FACTS_LENGTH + escaped(name).length + escaped(target).length;
/** Type, mode, owner, size and time. */
const FACTS_LENGTH = 80;

const MAX_UNREADABLE = 20;
const MORE = "There are more entries than were counted: name a subdirectory";

export function formatList(
  path: string,
  { entries, omitted, unreadable = [], notice }: ListAnswer,
): string {
  const width = Math.max(0, ...entries.map(({ size }) => `${size}`.length));
  const owners = Math.max(0, ...entries.map(({ owner }) => owner.length));
  return [
    `Directory: ${printable(path)}`,
    `Entries: ${entries.length}${omitted === 0 ? "" : `, ${grouped(omitted)} more are omitted`}`,
    ...(notice === undefined ? [] : [`[NOTICE] ${notice}`]),
    ...unreadable.map((each) => `[WARNING] Not permitted to read ${printable(each)}`),
    "",
    ...entries.map(({ name, type, size, mtime, mode, owner, target }) =>
      `${type.padEnd(9)} ${mode} ${escaped(owner).padEnd(owners)} ${
        `${size}`.padStart(width)
      } ${mtime} ` +
      `${escaped(name)}${type === "directory" ? "/" : ""}${
        target === undefined ? "" : ` -> ${escaped(target)}`
      }`
    ),
  ].join("\n");
}

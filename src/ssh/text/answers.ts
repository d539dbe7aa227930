import { z } from "zod";
import { escaped, printable } from "../../errors.ts";
import { grouped } from "../../mcp/words.ts";
import type { ContentOutcome, Listing, Lost, TextPage } from "./port.ts";

const mode = (bits: number): string => bits.toString(8).padStart(4, "0");
const time = (ms: number): string => new Date(ms).toISOString().replace(/\.000Z$/, "Z");

export const readOutput = z.object({
  success: z.literal(true),
  path: z.string(),
  first_line: z.number().int().nullable(),
  last_line: z.number().int().nullable(),
  total_lines: z.number().int().nullable().describe("null: not counted"),
  next_line: z.number().int().optional().describe("from_line to go on with, if more follows"),
  notice: z.string().optional(),
  size: z.number().int(),
  sha256: z.string().nullable(),
  encoding: z.enum(["utf-8", "utf-8-bom", "utf-16le", "utf-16be", "latin-1"]),
  line_ending: z.enum(["lf", "crlf", "mixed"]),
  mode: z.string(),
  owner: z.string().nullable(),
  mtime: z.string(),
  text: z.string(),
});

type ReadAnswer = z.infer<typeof readOutput>;

/** Builds the answer for a page. */
export function readAnswer(path: string, page: TextPage): ReadAnswer {
  const { lastLine, hasMore, hasCutLine } = page;
  const next = lastLine !== null && hasMore !== false ? lastLine + 1 : undefined;
  const notice = hasCutLine
    ? page.firstLine === null || page.firstLine === lastLine && page.hasMore === false &&
        page.isCut && page.text.endsWith("\n")
      ? "The line is longer than the limit: its start is missing"
      : `Line ${lastLine} is longer than the limit: only a part of it is shown`
    : page.isCut
    ? "Cut at the limit of characters"
    : undefined;
  return {
    success: true,
    path,
    first_line: page.firstLine,
    last_line: lastLine,
    total_lines: page.totalLines,
    ...(next === undefined ? {} : { next_line: next }),
    ...(notice === undefined ? {} : { notice }),
    size: page.size,
    sha256: page.sha256,
    encoding: page.encoding,
    line_ending: page.lineEnding,
    mode: mode(page.mode),
    owner: page.owner,
    mtime: time(page.mtimeMs),
    text: page.text,
  };
}

/** Formats the answer: the file's facts first, so that its text cannot be mistaken for them. */
export const formatRead = (answer: ReadAnswer): string =>
  [
    `File: ${printable(answer.path)}`,
    `Lines: ${answer.first_line ?? "?"}-${answer.last_line ?? "?"} of ${answer.total_lines ?? "?"}`,
    ...(answer.next_line === undefined ? [] : [`Next: from_line=${answer.next_line}`]),
    ...(answer.notice === undefined ? [] : [`[NOTICE] ${answer.notice}`]),
    `Size: ${answer.size} bytes`,
    `SHA-256: ${answer.sha256 ?? "?"}`,
    `Encoding: ${answer.encoding}, line ends ${answer.line_ending}`,
    `Mode: ${answer.mode}, owner ${printable(answer.owner ?? "?")}, modified ${answer.mtime}`,
    "",
    "=== TEXT ===",
    answer.text,
  ].join("\n");

export const writeOutput = z.object({
  success: z.literal(true),
  path: z.string(),
  bytes_transferred: z.number().int(),
  sha256: z.string(),
  verified: z.enum(["sha256", "size"]).describe("Compared with content"),
  created: z.boolean().describe("false: replaced"),
  warnings: z.array(z.string()).optional(),
});

type WriteAnswer = z.infer<typeof writeOutput>;

/** Builds the answer for a written file. */
export const writeAnswer = (
  path: string,
  outcome: ContentOutcome & { readonly bytes: number },
): WriteAnswer => ({
  success: true,
  path,
  bytes_transferred: outcome.bytes,
  sha256: outcome.sha256,
  verified: outcome.verified,
  created: outcome.created,
  ...warnings(outcome),
});

export const formatWrite = (answer: WriteAnswer): string =>
  [
    `[SUCCESS] File ${answer.created ? "created" : "replaced"}: ${printable(answer.path)}`,
    `Bytes transferred: ${answer.bytes_transferred}`,
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
  path: z.string(),
  entries: z.array(z.object({
    name: z.string(),
    type: z.enum(["file", "directory", "link", "other"]),
    size: z.number().int(),
    mtime: z.string(),
    mode: z.string(),
    owner: z.string(),
    target: z.string().optional().describe("Of a link"),
  })),
  omitted: z.number().int().describe("Entries beyond the limits"),
  unreadable: z.array(z.string()).optional().describe("Directories not permitted to be read"),
});

type ListAnswer = z.infer<typeof listOutput>;

/** Builds the answer for a directory; its entries have at most `maxCharacters` as JSON. */
export function listAnswer(path: string, listing: Listing, maxCharacters: number): ListAnswer {
  const entries: ListAnswer["entries"] = [];
  let left = maxCharacters;
  for (const { path: name, kind, mtimeMs, mode: bits, owner, size, target } of listing.entries) {
    const entry = {
      ...{ name, type: kind, size, mtime: time(mtimeMs), mode: mode(bits), owner },
      ...(target === undefined ? {} : { target }),
    };
    left -= JSON.stringify(entry).length + 1;
    if (left < 0) break;
    entries.push(entry);
  }
  const omitted = listing.omitted + listing.entries.length - entries.length;
  const unreadable = listing.unreadable.slice(0, MAX_UNREADABLE);
  return {
    success: true,
    path,
    entries,
    omitted,
    ...(unreadable.length === 0 ? {} : { unreadable }),
  };
}

const MAX_UNREADABLE = 20;

export function formatList({ path, entries, omitted, unreadable = [] }: ListAnswer): string {
  const width = Math.max(0, ...entries.map(({ size }) => `${size}`.length));
  const owners = Math.max(0, ...entries.map(({ owner }) => owner.length));
  return [
    `Directory: ${printable(path)}`,
    `Entries: ${entries.length}${omitted === 0 ? "" : `, ${grouped(omitted)} more are omitted`}`,
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

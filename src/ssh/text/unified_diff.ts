import { type Block, changedBlocks } from "./changed_blocks.ts";

/** Unchanged lines around a change. */
const CONTEXT = 3;

/**
 * Returns the difference of two texts as `git diff` and `diff -u` print it, or an empty text. Lines end at LF;
 * a carriage return belongs to its line.
 *
 * @param path the name of the file in both headers; `patch -p1` and `git apply` remove the `a/` before it
 */
export function unifiedDiff(before: string, after: string, path: string): string {
  if (before === after) return "";
  const { start, oldEnd, newEnd } = differingPart(before, after);
  const offset = countLineFeeds(before, start);
  const [old, current] = [
    linesOf(before.slice(start, oldEnd)),
    linesOf(after.slice(start, newEnd)),
  ];
  const blocks = changedBlocks(old, current);
  const hunks: string[] = [];
  for (let at = 0; at < blocks.length;) {
    let end = at + 1;
    while (end < blocks.length && near(blocks[end - 1], blocks[end])) end++;
    hunks.push(hunkOf(old, current, blocks.slice(at, end), offset));
    at = end;
  }
  const name = path.replace(/^\/+/, "");
  return `--- ${headerName(`a/${name}`)}\n+++ ${headerName(`b/${name}`)}\n${hunks.join("")}`;
}

/** The lines in which two texts differ, and their context: most of a large file is equal. */
function differingPart(before: string, after: string) {
  const shorter = Math.min(before.length, after.length);
  let start = before.lastIndexOf("\n", commonLength(before, after, shorter, slice) - 1) + 1;
  const common = commonLength(before, after, shorter - start, sliceFromEnd);
  // From the first line that is completely equal.
  const lineFeed = common === 0 ? -1 : before.indexOf("\n", before.length - common);
  let equal = lineFeed < 0 ? 0 : before.length - lineFeed - 1;
  for (let line = 0; line < CONTEXT; line++) {
    start = start < 2 ? 0 : before.lastIndexOf("\n", start - 2) + 1;
    const next = equal === 0 ? -1 : before.indexOf("\n", before.length - equal);
    equal = next < 0 ? 0 : before.length - next - 1;
  }
  return { start, oldEnd: before.length - equal, newEnd: after.length - equal };
}

const slice = (text: string, from: number, to: number): string => text.slice(from, to);
const sliceFromEnd = (text: string, from: number, to: number): string =>
  text.slice(text.length - to, text.length - from);

/** Returns how many characters are equal at one end. Comparing slices is much faster than characters. */
function commonLength(first: string, second: string, max: number, cut: typeof slice): number {
  let at = 0;
  for (let step = 65_536; step >= 1; step = Math.floor(step / 16)) {
    while (at < max) {
      const end = Math.min(max, at + step);
      if (cut(first, at, end) !== cut(second, at, end)) break;
      at = end;
    }
  }
  return at;
}

function countLineFeeds(text: string, end: number): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0 && at < end; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

/** Lines with their line feeds; the last one may lack it. */
const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

/** Reports whether the context of two blocks overlaps. */
const near = (first?: Block, second?: Block): boolean =>
  (second?.oldStart ?? 0) - (first?.oldEnd ?? 0) <= 2 * CONTEXT;

function hunkOf(
  old: readonly string[],
  current: readonly string[],
  blocks: readonly Block[],
  offset: number,
): string {
  const [first, last] = [blocks[0], blocks.at(-1)];
  if (first === undefined || last === undefined) return "";
  const lead = Math.min(CONTEXT, first.oldStart);
  const trail = Math.min(CONTEXT, old.length - last.oldEnd);
  const lines: string[] = [];
  const add = (mark: string, from: readonly string[], start: number, end: number) => {
    for (let at = start; at < end; at++) lines.push(marked(mark, from[at] ?? ""));
  };
  let position = first.oldStart - lead;
  for (const { oldStart, oldEnd, newStart, newEnd } of blocks) {
    add(" ", old, position, oldStart);
    add("-", old, oldStart, oldEnd);
    add("+", current, newStart, newEnd);
    position = oldEnd;
  }
  add(" ", old, position, position + trail);
  const oldRange = range(offset + first.oldStart - lead, offset + last.oldEnd + trail);
  const newRange = range(offset + first.newStart - lead, offset + last.newEnd + trail);
  return `@@ -${oldRange} +${newRange} @@\n${lines.join("")}`;
}

const marked = (mark: string, line: string): string =>
  line.endsWith("\n") ? `${mark}${line}` : `${mark}${line}\n\\ No newline at end of file\n`;

/** Lines count from 1; an empty range names the line before it. Source: POSIX diff, "Diff -u output". */
function range(start: number, end: number): string {
  const count = end - start;
  return `${count === 0 ? start : start + 1}${count === 1 ? "" : `,${count}`}`;
}

/** Quotes a name as git does. `patch` takes a name with blanks up to the tab behind it. */
function headerName(name: string): string {
  if (/["\\\p{Cc}]/u.test(name)) {
    const escaped = name.replace(/["\\]/g, "\\$&").replace(
      /\p{Cc}/gu,
      (character) => Array.from(new TextEncoder().encode(character), octal).join(""),
    );
    return `"${escaped}"`;
  }
  return name.includes(" ") ? `${name}\t` : name;
}

const octal = (byte: number): string => `\\${byte.toString(8).padStart(3, "0")}`;

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
  const [old, current] = [linesOf(before), linesOf(after)];
  const blocks = changedBlocks(old, current);
  if (blocks.length === 0) return "";
  const hunks: string[] = [];
  for (let at = 0; at < blocks.length;) {
    let end = at + 1;
    while (end < blocks.length && near(blocks[end - 1], blocks[end])) end++;
    hunks.push(hunkOf(old, current, blocks.slice(at, end)));
    at = end;
  }
  const name = path.replace(/^\/+/, "");
  return `--- ${headerName(`a/${name}`)}\n+++ ${headerName(`b/${name}`)}\n${hunks.join("")}`;
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
): string {
  const [first, last] = [blocks[0], blocks.at(-1)];
  if (first === undefined || last === undefined) return "";
  const lead = Math.min(CONTEXT, first.oldStart);
  const trail = Math.min(CONTEXT, old.length - last.oldEnd);
  const lines: string[] = [];
  let position = first.oldStart - lead;
  for (const { oldStart, oldEnd, newStart, newEnd } of blocks) {
    lines.push(...marked(" ", old.slice(position, oldStart)));
    lines.push(...marked("-", old.slice(oldStart, oldEnd)));
    lines.push(...marked("+", current.slice(newStart, newEnd)));
    position = oldEnd;
  }
  lines.push(...marked(" ", old.slice(position, position + trail)));
  const oldRange = range(first.oldStart - lead, last.oldEnd + trail);
  const newRange = range(first.newStart - lead, last.newEnd + trail);
  return `@@ -${oldRange} +${newRange} @@\n${lines.join("")}`;
}

const marked = (mark: string, lines: readonly string[]): string[] =>
  lines.map((line) =>
    line.endsWith("\n") ? `${mark}${line}` : `${mark}${line}\n\\ No newline at end of file\n`
  );

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

import type { Remark } from "../config/origin.ts";

const ASSIGNMENT = /^\s*(?:export\s+)?[^=]*=\s*(.*)$/;
const MAX_LINES = 5;

/** Numbers of lines in an environment file, counted from 1. */
interface OddLines {
  /** Not an assignment, so the parser skips the line. */
  readonly skipped: readonly number[];
  /** The value begins with a quotation mark that is not closed. */
  readonly unclosed: readonly number[];
}

/** Returns remarks on lines of an environment file that are probably mistakes. */
export function remarksOnLines(text: string, path: string): Remark[] {
  const { skipped, unclosed } = oddLines(text);
  return [
    ...remarkOn(skipped, path, "not NAME=VALUE, so nothing is read from it", {
      remedy: "Write NAME=VALUE, or # in front of a comment",
    }),
    ...remarkOn(unclosed, path, "a value with a quotation mark that is not closed", {
      remedy: "Close it, or remove it",
    }),
  ];
}

/** Names lines by number, because their text may be part of a secret. */
function remarkOn(
  lines: readonly number[],
  path: string,
  what: string,
  { remedy }: { remedy: string },
): Remark[] {
  const more = lines.length > MAX_LINES
    ? `, and ${lines.length - MAX_LINES} more lines like it`
    : "";
  return lines.slice(0, MAX_LINES).map((line, at) => ({
    level: "warning",
    message: `line ${line} of ${path} is ${what}${at === MAX_LINES - 1 ? more : ""}`,
    remedy,
  }));
}

/** Finds the lines as `parseEnv()` of `node:util` reads them: a text in quotation marks may have several lines. */
function oddLines(text: string): OddLines {
  const skipped: number[] = [];
  const unclosed: number[] = [];
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (/^\s*(#|$)/.test(line)) continue;
    const value = ASSIGNMENT.exec(line)?.[1];
    if (value === undefined) skipped.push(at + 1);
    const [quote] = /^["'`]/.exec(value ?? "") ?? [];
    if (quote === undefined || value?.includes(quote, 1)) continue;
    const end = lines.findIndex((other, index) => index > at && other.includes(quote));
    if (end === -1) unclosed.push(at + 1);
    else at = end;
  }
  return { skipped, unclosed };
}

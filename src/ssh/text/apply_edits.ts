import { printable, RemoteExecError } from "../../errors.ts";
import { grouped } from "../../mcp/words.ts";
import { tooLarge } from "../errors.ts";
import { closestMatch } from "./closest_match.ts";
import { lineEndingOf } from "./encoding.ts";

/** One replacement of text. */
export interface Edit {
  readonly oldText: string;
  readonly newText: string;
  /** Replaces every occurrence, from left to right; otherwise there must be exactly one. */
  readonly replaceAll: boolean;
}

/** The text after all edits. */
export interface Edited {
  readonly text: string;
  /** Number of replacements. */
  readonly replacements: number;
}

/** Lines that are named in a message. */
const MAX_NAMED = 10;

/**
 * Applies edits in order, each to the result of the one before. In a text whose lines all end in CRLF,
 * LF in an edit means CRLF.
 *
 * @param path for messages
 * @param maxLength max UTF-16 code units of the text, also between two edits
 * @throws RemoteExecError `no_match`, `not_unique`, `too_large`, or `invalid_argument` for an edit that changes
 * nothing
 */
export function applyEdits(
  original: string,
  edits: readonly Edit[],
  path: string,
  maxLength = Infinity,
): Edited {
  const isCrlf = lineEndingOf(original) === "crlf";
  let text = original;
  let replacements = 0;
  for (const [index, edit] of edits.entries()) {
    const name = edits.length === 1 ? "old_text" : `old_text of edit ${index + 1}`;
    const { oldText, newText } = isCrlf ? withCrlf(edit) : edit;
    if (oldText === newText) throw changesNothing(name);
    const positions = edit.replaceAll ? [] : occurrences(text, oldText, MAX_NAMED + 1);
    const count = edit.replaceAll ? countOf(text, oldText) : positions.length;
    if (count === 0) throw noMatch(text, oldText, name, path);
    if (count > 1 && !edit.replaceAll) throw notUnique(text, positions, name, path);
    const length = text.length + count * (newText.length - oldText.length);
    if (length > maxLength) throw tooLarge("File", length, maxLength);
    replacements += count;
    text = replaced(text, oldText, newText);
  }
  return { text, replacements };
}

/** Counts occurrences that do not overlap. */
function countOf(text: string, part: string): number {
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count++;
  return count;
}

/** Pieces that are joined at a time: an array of millions takes gigabytes. */
const MAX_PIECES = 20_000;

function replaced(text: string, oldText: string, newText: string): string {
  const joined: string[] = [];
  let pieces: string[] = [];
  let from = 0;
  for (let at = text.indexOf(oldText); at >= 0; at = text.indexOf(oldText, from)) {
    pieces.push(text.slice(from, at), newText);
    from = at + oldText.length;
    if (pieces.length < MAX_PIECES) continue;
    joined.push(pieces.join(""));
    pieces = [];
  }
  return joined.join("") + pieces.join("") + text.slice(from);
}

const withCrlf = ({ oldText, newText }: Edit) => ({
  oldText: oldText.replace(/\r?\n/g, "\r\n"),
  newText: newText.replace(/\r?\n/g, "\r\n"),
});

/** Returns where a text occurs, overlapping occurrences included, at most `max`. */
export function occurrences(text: string, part: string, max: number): number[] {
  const found: number[] = [];
  for (let at = text.indexOf(part); at >= 0 && found.length < max;) {
    found.push(at);
    at = text.indexOf(part, at + 1);
  }
  return found;
}

/** Returns the numbers of the lines at ascending positions. */
export function lineNumbers(text: string, positions: readonly number[]): number[] {
  let [line, next] = [1, text.indexOf("\n")];
  return positions.map((position) => {
    while (next >= 0 && next < position) {
      line++;
      next = text.indexOf("\n", next + 1);
    }
    return line;
  });
}

const changesNothing = (name: string) =>
  new RemoteExecError(
    "invalid_argument",
    `${name} and its new_text are equal, so the edit changes nothing`,
    "Correct new_text, or leave the edit out",
  );

function notUnique(text: string, positions: readonly number[], name: string, path: string) {
  const lines = lineNumbers(text, positions).map(grouped);
  const isMore = lines.length > MAX_NAMED;
  const named = isMore ? `${lines.slice(0, MAX_NAMED).join(", ")} and further ones` : list(lines);
  return new RemoteExecError(
    "not_unique",
    `${name} occurs ${isMore ? `more than ${MAX_NAMED}` : lines.length} times in ${
      printable(path)
    }, in lines ${named}; nothing was changed`,
    "Add neighboring lines to old_text until it is unique, or set replace_all=true",
  );
}

function noMatch(text: string, oldText: string, name: string, path: string) {
  const closest = closestMatch(text, oldText);
  return new RemoteExecError(
    "no_match",
    `${name} does not occur in ${printable(path)}; nothing was changed. ${
      closest === undefined ? "Nothing in the file is similar" : closest
    }`,
    "Copy old_text exactly from ssh_read_file, with its white space",
  );
}

const list = (words: readonly string[]): string =>
  words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;

import { printable, RemoteExecError } from "../../errors.ts";
import { grouped } from "../../mcp/words.ts";
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
 * @throws RemoteExecError `no_match`, `not_unique`, or `invalid_argument` for an edit that changes nothing
 */
export function applyEdits(original: string, edits: readonly Edit[], path: string): Edited {
  const isCrlf = lineEndingOf(original) === "crlf";
  let text = original;
  let replacements = 0;
  for (const [index, edit] of edits.entries()) {
    const name = edits.length === 1 ? "old_text" : `old_text of edit ${index + 1}`;
    const { oldText, newText } = isCrlf ? withCrlf(edit) : edit;
    if (oldText === newText) throw changesNothing(name);
    if (edit.replaceAll) {
      const parts = text.split(oldText);
      if (parts.length === 1) throw noMatch(text, oldText, name, path);
      replacements += parts.length - 1;
      text = parts.join(newText);
      continue;
    }
    const [at, ...more] = occurrences(text, oldText, MAX_NAMED + 1);
    if (at === undefined) throw noMatch(text, oldText, name, path);
    if (more.length > 0) throw notUnique(text, [at, ...more], name, path);
    replacements++;
    text = text.slice(0, at) + newText + text.slice(at + oldText.length);
  }
  return { text, replacements };
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

/**
 * Quotes one word for a POSIX shell. Everything stands in single quotes; a single quote itself is
 * closed, escaped and reopened. NUL cannot be passed to a program and is refused.
 *
 * @throws RangeError if the text holds a NUL character
 */
export function shellQuote(word: string): string {
  if (word.includes("\0")) throw new RangeError("A NUL character cannot be quoted for a shell");
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A text in printable ASCII; `printf %b` gives it back, in every `sh`. */
export const asciiText = (text: string): string =>
  text.replace(/[^\x20-\x5b\x5d-\x7e]+/gu, (part) =>
    Array.from(
      new TextEncoder().encode(part),
      (byte) => `\\0${byte.toString(8).padStart(3, "0")}`,
    ).join(""));

/** Quotes each word and joins them with blanks: one command line. */
export const shellJoin = (words: readonly string[]): string => words.map(shellQuote).join(" ");

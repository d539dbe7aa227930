/**
 * Quotes one word for a POSIX shell: in single quotes, with each single quote inside written as `'\''`.
 *
 * @throws RangeError if the text contains NUL, which no program argument can hold
 */
export function shellQuote(word: string): string {
  if (word.includes("\0")) throw new RangeError("A NUL character cannot be quoted for a shell");
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Encodes a text in printable ASCII; `printf %b` of any `sh` decodes it. */
export const asciiText = (text: string): string =>
  text.replace(/[^\x20-\x5b\x5d-\x7e]+/gu, (part) =>
    Array.from(
      new TextEncoder().encode(part),
      (byte) => `\\0${byte.toString(8).padStart(3, "0")}`,
    ).join(""));

/** Quotes each word and joins them with spaces into one command line. */
export const shellJoin = (words: readonly string[]): string => words.map(shellQuote).join(" ");

/**
 * Quotes one word for a POSIX shell: in single quotes, with each single quote inside written as `'\''`.
 * Other shells read some of that differently: a host's login shell gets `loginLine()` instead.
 *
 * @throws RangeError if the text contains NUL, which no program argument can hold
 */
export function shellQuote(word: string): string {
  refuseNul(word);
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Quotes a word for a command line that a person pastes: only if it needs quotes. */
export const shellWord = (word: string): string =>
  /^[\w./:%@+-]+$/.test(word) ? word : shellQuote(word);

/**
 * Encodes a text in characters that mean themselves between the single quotes of every shell: printable
 * ASCII without `'`, `\` and `!`. Everything else becomes octal, which `printf %b` of any `sh` decodes.
 */
export const asciiText = (text: string): string => text.replace(/[^ "-&(-[\]-~]+/gu, octal);

/** Encodes each byte of the text as `\0NNN`. */
export const octal = (text: string): string =>
  Array.from(
    new TextEncoder().encode(text),
    (byte) => `\\0${byte.toString(8).padStart(3, "0")}`,
  ).join("");

/** @throws RangeError if the text contains NUL */
export function refuseNul(text: string): void {
  if (text.includes("\0")) throw new RangeError("A NUL character cannot be quoted for a shell");
}

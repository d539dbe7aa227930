import { asciiText, octal, refuseNul } from "./quote.ts";

/** The kernel's limit for one argument, and sshd passes the complete line as one. Source: execve(2). */
const MAX_LINE_BYTES = 131_071;

/** Starts an encoded word. */
const ENCODED = "%b";

/** Decodes the words in `$@`. The `x` keeps newlines at the end, which `$()` would remove. */
const DECODE = 'for w do shift; case $w in %b*) v=$(printf %bx "${w#%b}"); w=${v%x};; esac; ' +
  'set -- "$@" "$w"; done';

/**
 * Characters that mean themselves between the single quotes of every login shell. Not among them: `!`
 * (history of tcsh), newline (ends a quote in tcsh), and a backslash before another one, before a quote
 * or before the end (escapes in fish).
 */
const SCRIPT = /^(?:[ "-&(-[\]-~]|\\(?=[ "-&(-[\]-~]))*$/;

/**
 * Returns a command line that runs a script in `sh`, with the words as `$1`, `$2`, …, whatever the login
 * shell is: sh, bash, zsh, fish, tcsh, busybox. Text from outside belongs into `words`: what is special
 * in any of these shells is encoded there and decoded by `sh`. More words can be added to the line with
 * {@linkcode loginWord}.
 *
 * @param script a constant without single quotes, `!` and newlines
 * @throws RangeError for such a script, and for NUL
 */
export function loginLine(script: string, ...words: readonly string[]): string {
  if (!SCRIPT.test(script)) throw new RangeError(`Not for every login shell: ${script}`);
  return withWords(`exec sh -c '${DECODE}; ${script}' sh`, words);
}

/**
 * Returns a {@linkcode loginLine} for a script that may contain anything but NUL. It is not among the words
 * while these are decoded, because the shell copies all of them for each: that takes long for a long script.
 *
 * @param script a constant: its encoded form is kept
 * @param before a statement that runs first, of the kind that {@linkcode loginLine} accepts
 */
export function loginScript(before: string, script: string, ...words: readonly string[]): string {
  refuseNul(script);
  const run = `s=$1; shift; ${DECODE}; ${before}; s=$(printf %b "$s"); eval "$s"`;
  return withWords(`exec sh -c '${run}' sh '${encodedScript(script)}'`, words);
}

/** Scripts are constants, and long ones take a while to encode. */
const encodedScripts = new Map<string, string>();

function encodedScript(script: string): string {
  const encoded = encodedScripts.get(script) ?? asciiText(script);
  encodedScripts.set(script, encoded);
  return encoded;
}

function withWords(start: string, words: readonly string[]): string {
  const line = [start, ...words.map(loginWord)].join(" ");
  if (line.length <= MAX_LINE_BYTES) return line;
  // Octal makes three bytes of text fifteen, so a long text keeps its non-ASCII characters.
  return [start, ...words.map(unicodeWord)].join(" ");
}

/** Returns one more word for the end of a {@linkcode loginLine}. @throws RangeError for NUL */
export const loginWord = (word: string): string => quoted(word, asciiText(word));

const unicodeWord = (word: string): string =>
  quoted(word, word.replace(/[^ "-&(-[\]-~\u{80}-\u{10ffff}]+/gu, octal));

function quoted(word: string, encoded: string): string {
  refuseNul(word);
  return word === encoded && !word.startsWith(ENCODED) ? `'${word}'` : `'${ENCODED}${encoded}'`;
}

/**
 * Returns the words of a command that runs any script in `sh`, for the end of a command line. Further
 * words become `$2`, `$3`, … and are not decoded.
 */
export const scriptWords = (script: string): string =>
  `sh -c 'eval "$(printf %b "$1")"' sh '${asciiText(script)}'`;

/**
 * Returns the words of a {@linkcode loginLine} as text, for the end of another command line; undefined
 * for any other command line.
 */
export const wordsOfLine = (line: string): string | undefined =>
  /^exec( sh -c '[^'!\n]*' sh(?: '[^'!\n]*')*)$/.exec(line)?.[1]?.slice(1);

/** One line of an SSH configuration: its keyword in lower case, the text behind it, and that text in words. */
export interface ConfigLine {
  readonly keyword: string;
  readonly rest: string;
  readonly words: readonly string[];
}

/**
 * Parses one line. Returns undefined for a blank line and a comment, and text that says what is wrong.
 *
 * Source: OpenSSH 9.2 readconf.c process_config_line_depth().
 */
export function parseLine(text: string): ConfigLine | string | undefined {
  const line = text.replace(/[ \t\r\n\f]+$/, "");
  let cut = cutWord(line);
  if (cut?.word === "") cut = cutWord(cut.rest);
  if (cut === undefined) return undefined;
  const keyword = cut.word.toLowerCase();
  if (keyword === "" || keyword.startsWith("#")) return undefined;
  const rest = cut.rest?.replace(/^[ \t\r\n]+/, "") ?? "";
  if (rest === "") return `the value of ${keyword} is missing`;
  const words = splitWords(rest);
  return words === undefined ? "a quotation mark is not closed" : { keyword, rest, words };
}

/**
 * Splits text into words. Both kinds of quotation marks group, and a backslash escapes them, itself and a
 * blank outside of quotes; `#` at the start of a word begins a comment. Returns undefined if a quotation
 * mark is not closed.
 *
 * Source: OpenSSH 9.2 misc.c argv_split().
 */
export function splitWords(text: string): string[] | undefined {
  const words: string[] = [];
  for (let at = 0; at < text.length;) {
    const char = text[at];
    if (char === " " || char === "\t") at++;
    else if (char === "#") break;
    else {
      const word = readWord(text, at);
      if (word === undefined) return undefined;
      words.push(word.word);
      at = word.end;
    }
  }
  return words;
}

function readWord(text: string, start: number): { word: string; end: number } | undefined {
  let word = "";
  let quote = "";
  let at = start;
  for (; at < text.length; at++) {
    const char = text[at] ?? "";
    const next = text[at + 1] ?? "";
    const isEscape = char === "\\" && next !== "" &&
      ("'\"\\".includes(next) || (quote === "" && next === " "));
    if (isEscape) {
      word += next;
      at++;
    } else if (quote === "" && (char === " " || char === "\t")) break;
    else if (quote === "" && (char === '"' || char === "'")) quote = char;
    else if (quote !== "" && char === quote) quote = "";
    else word += char;
  }
  return quote === "" ? { word, end: at } : undefined;
}

/** A word, and the text behind it and its delimiter; undefined when the text has ended. */
export interface Cut {
  readonly word: string;
  readonly rest: string | undefined;
}

/**
 * Cuts the first word off, in the older way that applies to keywords and `Match`: words end at blanks, at
 * one `=` and at double quotes. Returns undefined at the end, or if a quotation mark is not closed.
 *
 * Source: OpenSSH 9.2 misc.c strdelim().
 */
export function cutWord(text: string | undefined): Cut | undefined {
  if (text === undefined) return undefined;
  const end = text.search(/[ \t\r\n"=]/);
  if (end < 0) return { word: text, rest: undefined };
  if (text[end] === '"') {
    const close = text.indexOf('"', end + 1);
    if (close < 0) return undefined;
    const word = text.slice(0, end) + text.slice(end + 1, close);
    return { word, rest: text.slice(close + 1).replace(/^[ \t\r\n]+/, "") };
  }
  const rest = text.slice(end + 1).replace(/^[ \t\r\n]+/, "");
  const isSecond = text[end] !== "=" && rest.startsWith("=");
  return {
    word: text.slice(0, end),
    rest: isSecond ? rest.slice(1).replace(/^[ \t\r\n]+/, "") : rest,
  };
}

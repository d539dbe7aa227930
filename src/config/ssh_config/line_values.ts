import { type Keyword, KEYWORDS } from "./keywords.ts";
import { formatJumps, parseJumps } from "./proxy_jump.ts";
import type { ConfigLine } from "./syntax.ts";
import { parseValues } from "./values.ts";

/**
 * Returns the values of a line in the form of `ssh -G`; none if it sets nothing.
 *
 * @throws BadValue
 */
export function lineValues(keyword: Keyword, { rest, words }: ConfigLine): string[] {
  const kind = KEYWORDS[keyword];
  if (kind !== "command" && kind !== "jump") return parseValues(kind, words);
  const text = rest.replace(/^[ \t\r\n=]+/, "");
  if (kind === "command") return [text];
  parseJumps(text);
  return [formatJumps(text)];
}

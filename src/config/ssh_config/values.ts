import type { Kind } from "./keywords.ts";

/** What is wrong with a value, as the end of a sentence. */
export class BadValue extends Error {
  override readonly name = "BadValue";
}

const MAX_INT = 2_147_483_647;
const MAX_TEXTS = 32;
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  s: 1,
  m: 60,
  h: 3_600,
  d: 86_400,
  w: 604_800,
};

const FLAG = { true: "yes", false: "no", yes: "yes", no: "no" };
const WORDS: Readonly<Partial<Record<Kind, Readonly<Record<string, string>>>>> = {
  flag: FLAG,
  strict: {
    ...{ true: "true", yes: "true", false: "false", no: "false", off: "false" },
    ...{ ask: "ask", "accept-new": "accept-new" },
  },
  family: { inet: "inet", inet6: "inet6", any: "any" },
  canonical: { true: "true", yes: "true", false: "false", no: "false", always: "always" },
};

/**
 * Returns the values of a line whose value consists of words, in the form of `ssh -G`; none if it sets nothing.
 *
 * @throws BadValue
 */
export function parseValues(kind: Kind, words: readonly string[]): string[] {
  const [first = "", ...others] = words;
  if (kind === "texts") return parseTexts(words);
  if (first === "") throw new BadValue("has no value");
  if (others.length > 0) throw new BadValue("has more than one value");
  const allowed = WORDS[kind];
  if (allowed !== undefined) return [oneOf(allowed, first)];
  switch (kind) {
    case "time":
      return first === "none" ? [] : [String(parseTime(first))];
    case "port":
      return [String(parsePort(first))];
    case "number":
      if (!/^[+-]?\d{1,10}$/.test(first) || Math.abs(Number(first)) > MAX_INT) {
        throw new BadValue("must be a whole number");
      }
      return [String(Number(first))];
    default:
      return [first];
  }
}

/** Several files in one line; `none` is alone. */
function parseTexts(words: readonly string[]): string[] {
  if (words.includes("")) throw new BadValue("has an empty value");
  if (words.length > 1 && words.some((word) => word.toLowerCase() === "none")) {
    throw new BadValue('has "none" beside other values');
  }
  if (words.length > MAX_TEXTS) throw new BadValue(`has more than ${MAX_TEXTS} values`);
  return [...words];
}

function oneOf(allowed: Readonly<Record<string, string>>, word: string): string {
  const found = allowed[word.toLowerCase()];
  if (found !== undefined && Object.hasOwn(allowed, word.toLowerCase())) return found;
  throw new BadValue(`must be one of ${Object.keys(allowed).join(", ")}`);
}

/** Returns seconds. Source: OpenSSH 9.2 misc.c convtime(). */
function parseTime(text: string): number {
  const parts = [...text.matchAll(/(\d+)([smhdw]?)/gi)];
  const total = parts.reduce(
    (sum, [, digits, unit = ""]) => sum + Number(digits) * (UNITS[unit.toLowerCase()] ?? 0),
    0,
  );
  const isRead = parts.map(([all]) => all).join("") === text;
  if (isRead && total <= MAX_INT) return total;
  throw new BadValue("must be a time such as 30, 5m or 1h30m");
}

/** Returns a port number; names of services are refused, because their table is not read. */
export function parsePort(text: string): number {
  const port = /^\+?\d{1,9}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new BadValue("must be a port from 1 to 65535");
}

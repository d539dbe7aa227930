import { Refusal } from "./imagekit_replies.ts";

/** The fields of a file or folder that `searchQuery` and the plain parameters look at. */
export interface Searchable {
  readonly type: "file" | "folder";
  readonly name: string;
  /** Folder that contains it, `/` at the top. */
  readonly path: string;
  /** Milliseconds since 1970, as is `updatedAt`. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly size?: number | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly private?: boolean;
  readonly format?: string;
  readonly tags?: readonly string[];
  readonly fileType?: "image" | "non-image";
}

type Test = (item: Searchable) => boolean;
type Value = string | number | boolean;

/**
 * Compiles a `searchQuery`: `field [NOT] operator value`, AND before OR, parentheses. Operators are
 * `=`, `:` (begins with), `<`, `<=`, `>`, `>=` and `IN [ … ]`; a date is ISO or an age such as `7d`.
 * Source: ImageKit "List and search files", "Complete list of parameters".
 *
 * @throws Refusal 400 for text that it cannot parse
 */
export function compileSearch(text: string, nowMs: number): Test {
  const parser = new Parser(tokenize(text), nowMs);
  return parser.parse();
}

const BAD_QUERY = "Your request contains invalid searchQuery parameter.";

const refuse = (): never => {
  throw new Refusal(400, BAD_QUERY);
};

function tokenize(text: string): string[] {
  const token = /\s*("(?:[^"\\]|\\.)*"|[<>]=?|[=:()[\],]|[^\s<>=:()[\],"]+)/y;
  const tokens: string[] = [];
  while (token.lastIndex < text.trimEnd().length) {
    const [, found] = token.exec(text) ?? [];
    if (found === undefined) return refuse();
    tokens.push(found);
  }
  return tokens;
}

class Parser {
  readonly #tokens: readonly string[];
  readonly #nowMs: number;
  #at = 0;

  constructor(tokens: readonly string[], nowMs: number) {
    this.#tokens = tokens;
    this.#nowMs = nowMs;
  }

  parse(): Test {
    const test = this.#either();
    return this.#at === this.#tokens.length ? test : refuse();
  }

  #either(): Test {
    const tests = [this.#both()];
    while (this.#take("OR")) tests.push(this.#both());
    return (item) => tests.some((test) => test(item));
  }

  #both(): Test {
    const tests = [this.#single()];
    while (this.#take("AND")) tests.push(this.#single());
    return (item) => tests.every((test) => test(item));
  }

  #single(): Test {
    if (!this.#take("(")) return this.#comparison();
    const inner = this.#either();
    return this.#take(")") ? inner : refuse();
  }

  #comparison(): Test {
    const field = FIELDS.get(this.#next()) ?? refuse();
    const negated = this.#take("NOT");
    const operator = this.#next();
    if (!field.operators.includes(operator)) return refuse();
    const test = operator === "IN" ? this.#membership(field) : this.#relation(field, operator);
    return negated ? (item) => !test(item) : test;
  }

  #membership(field: Field): Test {
    if (!this.#take("[")) return refuse();
    const wanted = [field.parse(this.#value(), this.#nowMs)];
    while (this.#take(",")) wanted.push(field.parse(this.#value(), this.#nowMs));
    if (!this.#take("]")) return refuse();
    return (item) => field.read(item).some((value) => wanted.includes(value));
  }

  #relation(field: Field, operator: string): Test {
    const wanted = field.parse(this.#value(), this.#nowMs);
    const holds = RELATIONS.get(operator) ?? refuse();
    return (item) => field.read(item).some((value) => holds(value, wanted));
  }

  #value(): string {
    const token = this.#next();
    if (!token.startsWith('"')) return /^[<>=:()[\],]/.test(token) ? refuse() : token;
    return token.slice(1, -1).replaceAll(/\\(.)/g, "$1");
  }

  #take(wanted: string): boolean {
    if (this.#tokens[this.#at] !== wanted) return false;
    this.#at += 1;
    return true;
  }

  #next(): string {
    const token = this.#tokens[this.#at] ?? refuse();
    this.#at += 1;
    return token;
  }
}

interface Field {
  readonly operators: readonly string[];
  parse(text: string, nowMs: number): Value;
  read(item: Searchable): readonly Value[];
}

const RELATIONS = new Map<string, (left: Value, right: Value) => boolean>([
  ["=", (left, right) => left === right],
  [":", (left, right) => String(left).startsWith(String(right))],
  ["<", (left, right) => left < right],
  ["<=", (left, right) => left <= right],
  [">", (left, right) => left > right],
  [">=", (left, right) => left >= right],
]);

const WORDS = ["=", ":", "IN"];
const NUMBERS = ["=", "<", "<=", ">", ">=", "IN"];
const one = (value: Value | undefined): Value[] => value === undefined ? [] : [value];
const asText = (text: string): string => text;
const asFlag = (text: string): boolean =>
  text === "true" || text === "false" ? text === "true" : refuse();

function asNumber(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(kb|mb)?$/.exec(text) ?? [];
  if (digits === undefined) return refuse();
  return Number(digits) * (unit === "mb" ? 1024 ** 2 : unit === "kb" ? 1024 : 1);
}

function asDate(text: string, nowMs: number): number {
  const [, count, unit] = /^(\d+)([hdwmy])$/.exec(text) ?? [];
  const hours = { h: 1, d: 24, w: 168, m: 720, y: 8760 }[unit ?? ""];
  if (hours !== undefined) return nowMs - Number(count) * hours * 3_600_000;
  if (!/^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?)?$/.test(text)) return refuse();
  const zoned = text.length === 10 || text.endsWith("Z") ? text : `${text}Z`;
  return Date.parse(zoned.replace(" ", "T"));
}

const FIELDS = new Map<string, Field>([
  ["name", { operators: WORDS, parse: asText, read: ({ name }) => [name] }],
  ["type", { operators: WORDS, parse: asText, read: ({ type }) => [type] }],
  ["path", { operators: WORDS, parse: asText, read: ({ path }) => [path] }],
  ["format", { operators: WORDS, parse: asText, read: ({ format }) => one(format) }],
  ["tags", { operators: ["IN"], parse: asText, read: ({ tags }) => tags ?? [] }],
  ["private", { operators: WORDS, parse: asFlag, read: (item) => one(item.private) }],
  ["createdAt", { operators: NUMBERS, parse: asDate, read: ({ createdAt }) => [createdAt] }],
  ["updatedAt", { operators: NUMBERS, parse: asDate, read: ({ updatedAt }) => [updatedAt] }],
  ["size", { operators: NUMBERS, parse: asNumber, read: ({ size }) => one(size) }],
  ["width", { operators: NUMBERS, parse: asNumber, read: ({ width }) => one(width) }],
  ["height", { operators: NUMBERS, parse: asNumber, read: ({ height }) => one(height) }],
]);

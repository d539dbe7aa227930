import { printable, RemoteExecError } from "../../errors.ts";

/** Tests one character, given as a code point. */
export type Test = (character: number) => boolean;

/** A part of a pattern. `cost` says how long a test takes; 1 is the least. */
export type PatternNode =
  | { readonly kind: "character"; readonly test: Test; readonly cost: number }
  | { readonly kind: "start" | "end" }
  | { readonly kind: "sequence" | "choice"; readonly nodes: readonly PatternNode[] }
  | {
    readonly kind: "repeat";
    readonly node: PatternNode;
    readonly min: number;
    readonly max: number;
  };

const MAX_REPEAT = 255;
/** What one member of a set costs, compared with one character. */
const SET_COST = 4;

/** Parses a POSIX basic regular expression. @throws RemoteExecError `invalid_argument` */
export const parseBasicRegExp = (pattern: string): PatternNode => new Parser(pattern).parse();

const CLASSES: Readonly<Record<string, RegExp>> = {
  alpha: /\p{L}/u,
  digit: /[0-9]/,
  alnum: /[\p{L}0-9]/u,
  upper: /\p{Lu}/u,
  lower: /\p{Ll}/u,
  space: /\s/,
  blank: /[ \t]/,
  punct: /[!-/:-@[-`{-~]/,
  print: /[^\p{Cc}]/u,
  graph: /[^\p{Cc}\s]/u,
  cntrl: /\p{Cc}/u,
  xdigit: /[0-9A-Fa-f]/,
};

const isOf = (set: RegExp): Test => (character) => set.test(String.fromCodePoint(character));

const ESCAPED: Readonly<Record<string, Test>> = {
  w: isOf(/[\p{L}0-9_]/u),
  W: isOf(/[^\p{L}0-9_]/u),
  s: isOf(/\s/),
  S: isOf(/\S/),
};

/** Source: POSIX.1-2017, Base Definitions, section 9.3. */
class Parser {
  readonly #pattern: string;
  readonly #characters: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#characters = [...pattern];
  }

  parse(): PatternNode {
    const node = this.#choice();
    if (this.#at < this.#characters.length) throw this.#error("\\) has no \\(");
    return node;
  }

  #choice(): PatternNode {
    const nodes = [this.#sequence()];
    while (this.#take("\\|")) nodes.push(this.#sequence());
    return { kind: "choice", nodes };
  }

  #sequence(): PatternNode {
    const nodes: PatternNode[] = [];
    while (this.#at < this.#characters.length && !this.#sees("\\|") && !this.#sees("\\)")) {
      nodes.push(this.#repeated(this.#atom(nodes.length === 0)));
    }
    return { kind: "sequence", nodes };
  }

  #repeated(atom: PatternNode): PatternNode {
    let node = atom;
    while (node.kind !== "start") {
      if (this.#take("*")) node = { kind: "repeat", node, min: 0, max: Infinity };
      else if (this.#take("\\+")) node = { kind: "repeat", node, min: 1, max: Infinity };
      else if (this.#take("\\?")) node = { kind: "repeat", node, min: 0, max: 1 };
      else if (this.#take("\\{")) node = { kind: "repeat", node, ...this.#bounds() };
      else break;
    }
    return node;
  }

  #atom(isFirst: boolean): PatternNode {
    if (isFirst && this.#take("^")) return { kind: "start" };
    if (this.#take("\\(")) {
      const node = this.#choice();
      if (!this.#take("\\)")) throw this.#error("\\( has no \\)");
      return node;
    }
    if (this.#sees("$") && this.#isAtEnd(1)) {
      this.#at++;
      return { kind: "end" };
    }
    if (this.#take(".")) return { kind: "character", test: () => true, cost: 1 };
    if (this.#take("[")) return { kind: "character", ...this.#bracket() };
    if (this.#take("\\")) return { kind: "character", test: this.#escaped(), cost: SET_COST };
    return { kind: "character", test: isChar(this.#next()), cost: 1 };
  }

  #isAtEnd(offset: number): boolean {
    const rest = this.#characters.slice(this.#at + offset, this.#at + offset + 2).join("");
    return rest === "" || rest === "\\)" || rest === "\\|";
  }

  #escaped(): Test {
    const character = this.#next();
    if (/[1-9]/.test(character)) throw this.#error("back references are not supported");
    return ESCAPED[character] ?? isChar(character);
  }

  #bounds(): { min: number; max: number } {
    let text = "";
    while (!this.#take("\\}")) text += this.#next();
    const [, low = "", comma = "", high = ""] = /^(\d*)(,?)(\d*)$/.exec(text) ?? [];
    const min = Number(low);
    const max = high !== "" ? Number(high) : comma === "" ? min : Infinity;
    const isValid = (low !== "" || comma !== "") && min <= Math.min(max, MAX_REPEAT) &&
      (max === Infinity || max <= MAX_REPEAT);
    if (!isValid) throw this.#error(`\\{${text}\\} is not a count`);
    return { min, max };
  }

  /** Parses what follows `[`. */
  #bracket(): { readonly test: Test; readonly cost: number } {
    const isNegated = this.#take("^");
    const tests: Test[] = [];
    for (let isFirst = true; isFirst || !this.#take("]"); isFirst = false) {
      tests.push(this.#member());
    }
    const test: Test = (character) => tests.some((each) => each(character)) !== isNegated;
    return { test, cost: SET_COST * tests.length };
  }

  #member(): Test {
    if (this.#take("[:")) {
      let name = "";
      while (!this.#take(":]")) name += this.#next();
      const set = CLASSES[name];
      if (set === undefined) throw this.#error(`[:${name}:] is not a class`);
      return isOf(set);
    }
    const low = this.#next().codePointAt(0) ?? 0;
    if (!this.#sees("-") || this.#characters[this.#at + 1] === "]") {
      return (character) => character === low;
    }
    this.#at++;
    const high = this.#next().codePointAt(0) ?? 0;
    return (character) => character >= low && character <= high;
  }

  #sees(text: string): boolean {
    return this.#characters.slice(this.#at, this.#at + text.length).join("") === text;
  }

  #take(text: string): boolean {
    if (!this.#sees(text)) return false;
    this.#at += text.length;
    return true;
  }

  #next(): string {
    const character = this.#characters[this.#at++];
    if (character === undefined) throw this.#error("it ends too early");
    return character;
  }

  #error(reason: string): RemoteExecError {
    return badPattern(this.#pattern, reason);
  }
}

const isChar = (wanted: string): Test => {
  const code = wanted.codePointAt(0);
  return (character) => character === code;
};

/** The pattern cannot be used. */
export const badPattern = (pattern: string, reason: string) =>
  new RemoteExecError(
    "invalid_argument",
    `grep: "${printable(pattern)}" is not a basic regular expression: ${reason}`,
    "Correct grep; a backslash makes a special character literal",
  );

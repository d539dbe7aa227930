import { RemoteExecError } from "../../errors.ts";
import {
  badPattern,
  parseBasicRegExp,
  type PatternNode,
  type Test,
} from "./basic_regexp_parser.ts";

/** One step of the compiled pattern. `split` goes on at both places. */
type Step =
  | { readonly kind: "character"; readonly test: Test; readonly cost: number }
  | { readonly kind: "start" | "end" | "match" }
  | { kind: "split"; first: number; second: number };

/** Repetitions are copied, so a short pattern can become long. */
const MAX_STEPS = 500;
/** Also of parts that need no step, like `\(\)`. */
const MAX_PARTS = 2_000;
/** About 2 seconds. A search for a word in 8 MB needs a sixth of it. */
const MAX_WORK = 100_000_000;

/**
 * Returns a function that reports whether a line contains a match of a POSIX basic regular expression,
 * with `\|`, `\+`, `\?`, `\w` and `\s` of GNU grep. Back references are refused: without them the time is
 * proportional to the line's length, whatever the pattern is.
 *
 * The function throws `limit_reached` when all its lines together need more than `maxWork` steps.
 *
 * @throws RemoteExecError `invalid_argument`
 */
export function basicRegExp(pattern: string, maxWork = MAX_WORK): (line: string) => boolean {
  const program: Step[] = [];
  compile(parseBasicRegExp(pattern), program, { pattern, parts: 0 });
  program.push({ kind: "match" });
  const matcher = new Matcher(program, maxWork);
  return (line) => matcher.matches(line);
}

/** Follows all ways through a program at the same time. */
class Matcher {
  readonly #program: readonly Step[];
  #states: States;
  #next: States;
  #workLeft: number;

  constructor(program: readonly Step[], maxWork: number) {
    this.#program = program;
    this.#states = new States(program.length);
    this.#next = new States(program.length);
    this.#workLeft = maxWork;
  }

  matches(line: string): boolean {
    this.#states.clear();
    for (let at = 0;;) {
      const character = line.codePointAt(at);
      if (this.#add(this.#states, 0, at === 0, character === undefined)) return true;
      if (character === undefined) return false;
      at += character > 0xffff ? 2 : 1;
      if (this.#advance(character, at === line.length)) return true;
    }
  }

  /** Goes on behind a character. Returns true at the end of the pattern. */
  #advance(character: number, isEnd: boolean): boolean {
    const states = this.#states;
    const next = this.#next;
    next.clear();
    for (let index = 0; index < states.size; index++) {
      const state = states.list[index] ?? 0;
      const step = this.#program[state];
      this.#workLeft -= step?.kind === "character" ? step.cost : 1;
      if (step?.kind !== "character" || !step.test(character)) continue;
      if (this.#add(next, state + 1, false, isEnd)) return true;
    }
    if (this.#workLeft < 0) throw tooMuchWork();
    this.#states = next;
    this.#next = states;
    return false;
  }

  /** Adds a state and all that follow it without a character. Returns true at the end of the pattern. */
  #add(states: States, state: number, isStart: boolean, isEnd: boolean): boolean {
    if (!states.add(state)) return false;
    const step = this.#program[state];
    switch (step?.kind) {
      case "match":
        return true;
      case "start":
        return isStart && this.#add(states, state + 1, isStart, isEnd);
      case "end":
        return isEnd && this.#add(states, state + 1, isStart, isEnd);
      case "split":
        return this.#add(states, step.first, isStart, isEnd) ||
          this.#add(states, step.second, isStart, isEnd);
      default:
        return false;
    }
  }
}

/** A set of places in a program that is emptied at once. */
class States {
  readonly list: Uint32Array;
  size = 0;
  readonly #rounds: Float64Array;
  #round = 0;

  constructor(length: number) {
    this.list = new Uint32Array(length);
    this.#rounds = new Float64Array(length);
    this.clear();
  }

  clear(): void {
    this.size = 0;
    this.#round++;
  }

  /** Returns false if it is there already. */
  add(state: number): boolean {
    if (this.#rounds[state] === this.#round) return false;
    this.#rounds[state] = this.#round;
    this.list[this.size++] = state;
    return true;
  }
}

const tooMuchWork = () =>
  new RemoteExecError(
    "limit_reached",
    "The search was stopped: this pattern takes too long for this output",
    "Search for a simpler pattern, or read from a larger offset (from)",
  );

/** A pattern that is being compiled. */
interface Source {
  readonly pattern: string;
  /** How many parts were compiled; repetitions count each time. */
  parts: number;
}

function compile(node: PatternNode, program: Step[], source: Source): void {
  if (program.length > MAX_STEPS || ++source.parts > MAX_PARTS) {
    throw badPattern(source.pattern, "it is too complex");
  }
  switch (node.kind) {
    case "sequence":
      for (const each of node.nodes) compile(each, program, source);
      return;
    case "choice":
      return compileChoice(node.nodes, program, source);
    case "repeat":
      return compileRepeat(node, program, source);
    default:
      program.push(node);
  }
}

function compileChoice(nodes: readonly PatternNode[], program: Step[], source: Source): void {
  const [first, ...others] = nodes;
  if (first === undefined) return;
  if (others.length === 0) return compile(first, program, source);
  const split = splitHere(program);
  compile(first, program, source);
  const jump = splitHere(program);
  split.second = program.length;
  compileChoice(others, program, source);
  jump.first = jump.second = program.length;
}

function compileRepeat(
  { node, min, max }: { readonly node: PatternNode; readonly min: number; readonly max: number },
  program: Step[],
  source: Source,
): void {
  for (let count = 0; count < min; count++) compile(node, program, source);
  if (max === Infinity) {
    const start = program.length;
    const split = splitHere(program);
    compile(node, program, source);
    program.push({ kind: "split", first: start, second: start });
    split.second = program.length;
    return;
  }
  const splits: { second: number }[] = [];
  for (let count = min; count < max; count++) {
    splits.push(splitHere(program));
    compile(node, program, source);
  }
  for (const split of splits) split.second = program.length;
}

/** Adds a split that goes on at the next step; its second place is set later. */
function splitHere(program: Step[]) {
  const split = { kind: "split" as const, first: program.length + 1, second: program.length + 1 };
  program.push(split);
  return split;
}

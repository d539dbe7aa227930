import {
  badPattern,
  parseBasicRegExp,
  type PatternNode,
  type Test,
} from "./basic_regexp_parser.ts";

/** One step of the compiled pattern. `split` goes on at both places. */
type Step =
  | { readonly kind: "character"; readonly test: Test }
  | { readonly kind: "start" | "end" | "match" }
  | { kind: "split"; first: number; second: number };

/** Repetitions are copied, so a short pattern can become long. */
const MAX_STEPS = 500;

/**
 * Returns a function that reports whether a line contains a match of a POSIX basic regular expression,
 * with `\|`, `\+`, `\?`, `\w` and `\s` of GNU grep. Back references are refused: without them the time is
 * proportional to the line's length, whatever the pattern is.
 *
 * @throws RemoteExecError `invalid_argument`
 */
export function basicRegExp(pattern: string): (line: string) => boolean {
  const program: Step[] = [];
  compile(parseBasicRegExp(pattern), program, pattern);
  program.push({ kind: "match" });
  return (line) => matches(program, line);
}

/** Follows all ways through the program at the same time. */
function matches(program: readonly Step[], line: string): boolean {
  let states = new Set<number>();
  let at = 0;
  for (const character of [...line, undefined]) {
    const isEnd = character === undefined;
    if (add(program, states, 0, at === 0, isEnd)) return true;
    const next = new Set<number>();
    for (const state of states) {
      const step = program[state];
      if (isEnd || step?.kind !== "character" || !step.test(character.codePointAt(0) ?? 0)) {
        continue;
      }
      if (add(program, next, state + 1, false, line.length === at + character.length)) return true;
    }
    states = next;
    at += character?.length ?? 0;
  }
  return false;
}

/** Adds a state and all that follow it without a character. Returns true at the end of the pattern. */
function add(
  program: readonly Step[],
  states: Set<number>,
  state: number,
  isStart: boolean,
  isEnd: boolean,
): boolean {
  if (states.has(state)) return false;
  states.add(state);
  const step = program[state];
  const follow = (other: number) => add(program, states, other, isStart, isEnd);
  switch (step?.kind) {
    case "match":
      return true;
    case "start":
      return isStart && follow(state + 1);
    case "end":
      return isEnd && follow(state + 1);
    case "split":
      return follow(step.first) || follow(step.second);
    default:
      return false;
  }
}

function compile(node: PatternNode, program: Step[], pattern: string): void {
  if (program.length > MAX_STEPS) throw badPattern(pattern, "it is too complex");
  switch (node.kind) {
    case "sequence":
      for (const each of node.nodes) compile(each, program, pattern);
      return;
    case "choice":
      return compileChoice(node.nodes, program, pattern);
    case "repeat":
      return compileRepeat(node, program, pattern);
    default:
      program.push(node);
  }
}

function compileChoice(nodes: readonly PatternNode[], program: Step[], pattern: string): void {
  const [first, ...others] = nodes;
  if (first === undefined) return;
  if (others.length === 0) return compile(first, program, pattern);
  const split = splitHere(program);
  compile(first, program, pattern);
  const jump = splitHere(program);
  split.second = program.length;
  compileChoice(others, program, pattern);
  jump.first = jump.second = program.length;
}

function compileRepeat(
  { node, min, max }: { readonly node: PatternNode; readonly min: number; readonly max: number },
  program: Step[],
  pattern: string,
): void {
  for (let count = 0; count < min; count++) compile(node, program, pattern);
  if (max === Infinity) {
    const start = program.length;
    const split = splitHere(program);
    compile(node, program, pattern);
    program.push({ kind: "split", first: start, second: start });
    split.second = program.length;
    return;
  }
  const splits: { second: number }[] = [];
  for (let count = min; count < max; count++) {
    splits.push(splitHere(program));
    compile(node, program, pattern);
  }
  for (const split of splits) split.second = program.length;
}

/** Adds a split that goes on at the next step; its second place is set later. */
function splitHere(program: Step[]) {
  const split = { kind: "split" as const, first: program.length + 1, second: program.length + 1 };
  program.push(split);
  return split;
}

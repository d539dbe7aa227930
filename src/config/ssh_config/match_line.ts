import { matchesHost, matchesList } from "./patterns.ts";
import { BadValue } from "./values.ts";
import { cutWord } from "./syntax.ts";

/** What the criteria of a `Match` line are compared with. */
export interface MatchSubject {
  readonly host: string;
  readonly originalhost: string;
  readonly user: string | undefined;
  readonly localuser: string | undefined;
  /** The files are read for the second time, with the final address. */
  readonly isFinal: boolean;
}

/** The result of a `Match` line. */
export interface MatchResult {
  /** Whether all criteria hold that can be decided. */
  readonly matches: boolean;
  /** A criterion names the host. */
  readonly namesHost: boolean;
  /** The files must be read for a second time. */
  readonly wantsFinal: boolean;
  /** A criterion that cannot be decided here. */
  readonly undecided: string | undefined;
}

/** Criteria that would need a program, the network, or what a later OpenSSH knows. */
const UNDECIDABLE = ["exec", "tagged", "command", "localnetwork", "sessiontype", "version"];

/**
 * Evaluates the criteria behind `Match`.
 *
 * Source: OpenSSH 9.2 readconf.c match_cfg_line().
 *
 * @throws BadValue
 */
export function evaluateMatch(text: string, subject: MatchSubject): MatchResult {
  const result = {
    ...{ matches: true, namesHost: false, wantsFinal: false },
    undecided: undefined as string | undefined,
  };
  let count = 0;
  for (let cut = cutWord(text); cut !== undefined && cut.word !== ""; cut = cutWord(cut.rest)) {
    if (cut.word.startsWith("#")) break;
    const isNegated = cut.word.startsWith("!");
    const name = cut.word.replace(/^!/, "").toLowerCase();
    if (name === "all") {
      const next = cutWord(cut.rest)?.word ?? "";
      if (count > 1 || !/^(#|$)/.test(next)) throw new BadValue("combines all with other criteria");
      return { ...result, matches: result.matches && !isNegated };
    }
    count++;
    if (name === "final" || name === "canonical") {
      result.wantsFinal ||= name === "final";
      if (subject.isFinal === isNegated) result.matches = false;
      continue;
    }
    const value = cutWord(cut.rest);
    if (value === undefined || /^(#|$)/.test(value.word)) {
      throw new BadValue(`has no value for ${name}`);
    }
    cut = value;
    if (UNDECIDABLE.includes(name)) result.undecided ??= name;
    else if (holds(name, value.word, subject) === isNegated) result.matches = false;
    result.namesHost ||= !isNegated && name.endsWith("host") && !/^\*+$/.test(value.word);
  }
  if (count === 0) throw new BadValue("has no criterion");
  return result;
}

function holds(name: string, patterns: string, subject: MatchSubject): boolean {
  switch (name) {
    case "host":
    case "originalhost":
      return matchesHost(subject[name], patterns);
    case "user":
    case "localuser":
      return subject[name] !== undefined && matchesList(subject[name], patterns);
    default:
      throw new BadValue(`has the unknown criterion ${name}`);
  }
}

import { matchesList } from "./patterns.ts";

/**
 * Applies a list of algorithms to the default one: `+` appends, `-` removes, `^` puts first, and any other
 * list replaces it. Names after `+` and `^` may be patterns for names in `all`.
 *
 * Source: OpenSSH 9.2 kex.c kex_assemble_names().
 */
export function assembleNames(
  spec: string | undefined,
  defaults: readonly string[],
  all: readonly string[],
): string[] {
  if (spec === undefined || spec === "") return [...defaults];
  const names = spec.slice(1);
  switch (spec[0]) {
    case "+":
      return [...new Set([...defaults, ...named(names, all)])];
    case "-":
      return defaults.filter((name) => !matchesList(name, names));
    case "^":
      return [...new Set([...named(names, all), ...defaults])];
    default:
      return named(spec, all);
  }
}

/** In the order of the list; the names of one pattern in the order of `all`. */
const named = (list: string, all: readonly string[]): string[] => [
  ...new Set(list.split(",").flatMap((each) => all.filter((name) => matchesList(name, each)))),
];

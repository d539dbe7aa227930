/** Reports whether a text matches a pattern of `*` and `?`. Source: OpenSSH 9.2 match.c match_pattern(). */
export function matchesPattern(text: string, pattern: string): boolean {
  if (!pattern.includes("*") && !pattern.includes("?")) return text === pattern;
  let [at, star, resume] = [0, -1, 0];
  let index = 0;
  while (index < text.length) {
    const wanted = pattern[at];
    if (wanted === "*") {
      [star, resume] = [at++, index];
    } else if (wanted === "?" || wanted === text[index]) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++resume;
    } else return false;
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

/**
 * Reports whether a text matches a list of patterns, separated by commas. A matching pattern with `!`
 * excludes the text, whatever else matches.
 *
 * Source: OpenSSH 9.2 match.c match_pattern_list().
 */
export function matchesList(text: string, patterns: string): boolean {
  const matching = patterns.split(",").filter((each) =>
    matchesPattern(text, each.replace(/^!/, ""))
  );
  return matching.length > 0 && matching.every((each) => !each.startsWith("!"));
}

/** Does the same for a host name, in any case. */
export const matchesHost = (host: string, patterns: string): boolean =>
  matchesList(host.toLowerCase(), patterns.toLowerCase());

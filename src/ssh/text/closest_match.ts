/** Longest quoted part of a line. */
const MAX_QUOTED = 120;
/** A line that occurs more often says nothing about the place. */
const MAX_POSITIONS = 1_000;
/** Votes for places; more take too long. */
const MAX_VOTES = 1_000_000;
/** Lines compared by their characters; more take too long. */
const MAX_COMPARED = 50_000;
/** Characters compared of each line. */
const MAX_LINE = 300;
/** Share of common pairs of characters below which two lines are not similar. */
const MIN_SIMILARITY = 0.5;

/**
 * Returns a sentence about the lines that are most similar to a text that does not occur: their number, and
 * the first difference. Undefined if nothing is similar.
 */
export function closestMatch(text: string, wanted: string): string | undefined {
  const lines = text.split("\n");
  const parts = wanted.replace(/\n$/, "").split("\n");
  const start = startByEqualLines(lines, parts) ?? startBySimilarity(lines, parts);
  if (start === undefined) return undefined;
  const offset = parts.findIndex((part, index) => lines[start + index] !== part);
  const at = Math.max(0, offset);
  const line = start + at + 1;
  const [has, part] = [lines[start + at], parts[at] ?? ""];
  if (has === undefined) {
    return `The closest match begins in line ${start + 1}, but the file ends before its end`;
  }
  const isWithin = at === 0 || at === parts.length - 1;
  if (offset < 0 || isWithin && has.includes(part)) {
    return `The closest match begins in line ${
      start + 1
    }; check the line ends and the text around them`;
  }
  const from = Math.max(0, difference(has, part) - 40);
  return `The closest match begins in line ${start + 1}; line ${line} is ${
    quoted(has, from)
  }, not ${quoted(part, from)}${spaceOnly(has, part) ? ": only white space differs" : ""}`;
}

/** Ignores what is often copied wrongly. */
const normal = (line: string): string => line.replace(/\s+/g, " ").trim();

const spaceOnly = (first: string, second: string): boolean => normal(first) === normal(second);

/** Returns the line at which most lines of `parts` are, white space aside. */
function startByEqualLines(
  lines: readonly string[],
  parts: readonly string[],
): number | undefined {
  const positions = new Map<string, number[]>();
  for (const part of parts) positions.set(normal(part), []);
  positions.delete("");
  for (const [index, line] of lines.entries()) {
    if (line === "") continue;
    const found = positions.get(normal(line));
    if (found !== undefined && found.length < MAX_POSITIONS) found.push(index);
  }
  const votes = new Map<number, number>();
  let left = MAX_VOTES;
  for (const [offset, part] of parts.entries()) {
    if (left <= 0) break;
    for (const position of positions.get(normal(part)) ?? []) {
      left--;
      const start = Math.max(0, position - offset);
      votes.set(start, (votes.get(start) ?? 0) + 1);
    }
  }
  let [best, most] = [undefined as number | undefined, 0];
  for (const [start, count] of votes) {
    if (count > most || count === most && start < (best ?? 0)) [best, most] = [start, count];
  }
  return best;
}

/** Returns the line that is most similar to the first line of `parts` with text. */
function startBySimilarity(
  lines: readonly string[],
  parts: readonly string[],
): number | undefined {
  const offset = parts.findIndex((part) => normal(part) !== "");
  if (offset < 0) return undefined;
  const wanted = codesOf(parts[offset] ?? "");
  const counts = new Uint16Array(CODES);
  for (const code of wanted) counts[code] = (counts[code] ?? 0) + 1;
  let [best, most] = [undefined as number | undefined, MIN_SIMILARITY];
  for (const [index, line] of lines.slice(0, MAX_COMPARED).entries()) {
    const codes = codesOf(line);
    const similarity = 2 * common(codes, counts.slice()) / (codes.length + wanted.length);
    if (similarity > most) [best, most] = [Math.max(0, index - offset), similarity];
  }
  return best;
}

/** A power of two. */
const CODES = 4_096;

/** Returns a number for each pair of neighboring characters of a line. Few pairs share one. */
function codesOf(line: string): Uint16Array {
  const text = normal(line.slice(0, MAX_LINE));
  const codes = new Uint16Array(Math.max(0, text.length - 1));
  for (let at = 0; at < codes.length; at++) {
    codes[at] = (text.charCodeAt(at) * 61 + text.charCodeAt(at + 1)) & (CODES - 1);
  }
  return codes;
}

/** Counts common pairs; both shares of them are the similarity of Sørensen and Dice. @param left is used up */
function common(codes: Uint16Array, left: Uint16Array): number {
  let count = 0;
  for (const code of codes) {
    const more = left[code] ?? 0;
    if (more === 0) continue;
    left[code] = more - 1;
    count++;
  }
  return count;
}

/** Returns the position of the first character in which two lines differ. */
function difference(first: string, second: string): number {
  let at = 0;
  while (at < first.length && first[at] === second[at]) at++;
  return at;
}

const quoted = (line: string, from: number): string => {
  const part = line.slice(from, from + MAX_QUOTED);
  return JSON.stringify(
    `${from > 0 ? "…" : ""}${part}${from + MAX_QUOTED < line.length ? "…" : ""}`.toWellFormed(),
  );
};

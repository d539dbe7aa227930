import type * as z from "zod";

/**
 * Returns the values that a program's output may mean as JSON, in groups: first those that fill a line
 * or a block, then those that share a line with other text. Warnings of a storage or a plugin may come
 * before and after the answer, and may look like JSON themselves. Numbers that JSON does not have (Perl
 * prints `NaN` and `Inf`) are read as null.
 */
export function* readJsonOutput(stdout: string): Generator<readonly unknown[]> {
  for (const texts of candidates(stdout)) {
    yield texts.sort((a, b) => b.length - a.length).flatMap((text) => {
      const value = parseJson(text) ?? parseJson(text.replace(STRING_OR_NO_NUMBER, keepString));
      return value === undefined ? [] : [value];
    });
  }
}

/** Returns the first value of the output that a schema accepts. */
export function firstMatch<T>(schema: z.ZodType<T>, stdout: string): T | undefined {
  for (const group of readJsonOutput(stdout)) {
    for (const value of group) {
      const result = schema.safeParse(value);
      if (result.success) return result.data;
    }
  }
  return undefined;
}

function* candidates(stdout: string): Generator<string[]> {
  const blocks = stdout.match(/^\{$[^]*?^\}$/gm) ?? [];
  const lines = stdout.split("\n").map((line) => line.trim());
  const complete = lines.filter((line) => /^[[{].*[\]}]$/.test(line));
  yield [...blocks, ...complete];
  // A warning without a newline shares its line with the answer.
  yield lines.flatMap(endsOf);
}

/** The ends of a line that begin like JSON; few, because a text may be full of brackets. */
function endsOf(line: string): string[] {
  const starts = Array.from(line.matchAll(/\[\{|\[\]|\{"/g), ({ index }) => index).slice(0, 4);
  const stop = Math.max(line.lastIndexOf("]"), line.lastIndexOf("}")) + 1;
  return starts.map((start) => line.slice(start, stop)).filter((text) => text !== line);
}

const STRING_OR_NO_NUMBER = /"(?:[^"\\]|\\.)*"|-?\b(?:nan|inf(?:inity)?)\b/gi;
const keepString = (text: string): string => text.startsWith('"') ? text : "null";

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

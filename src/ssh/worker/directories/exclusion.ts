import ignore from "ignore";
import { printable, RemoteExecError } from "../../../errors.ts";
import { TEMPORARY_NAME } from "../files/temporary_files.ts";

/** Reports whether an entry takes no part in a copy. */
export type IsExcluded = (path: string, isDirectory: boolean) => boolean;

/**
 * Returns the test for gitignore patterns. What is below an excluded directory is excluded too. The
 * server's own temporary files always are.
 *
 * @throws RemoteExecError `invalid_argument` for patterns that would take too long
 */
export function exclusion(patterns: readonly string[]): IsExcluded {
  if (patterns.length > MAX_PATTERNS) throw tooMany(patterns.length);
  for (const pattern of patterns) {
    if (pattern.split("**").length - 1 > MAX_ANY_DEPTH) throw tooManyStars(pattern);
  }
  const rules = patterns.length === 0
    ? undefined
    : ignore({ ignorecase: false, allowRelativePaths: true }).add([...patterns]);
  return (path, isDirectory) =>
    TEMPORARY_NAME.test(path.slice(path.lastIndexOf("/") + 1)) ||
    (rules?.ignores(isDirectory ? `${path}/` : path) ?? false);
}

/** Each of them is compared with each path. */
const MAX_PATTERNS = 1_000;
/** Each of them multiplies the time for a path by its depth. */
const MAX_ANY_DEPTH = 3;

const tooMany = (count: number) =>
  new RemoteExecError(
    "invalid_argument",
    `exclude has ${count} patterns, max ${MAX_PATTERNS}`,
    "Exclude directories instead of single files",
  );

const tooManyStars = (pattern: string) =>
  new RemoteExecError(
    "invalid_argument",
    `The pattern ${printable(pattern)} has more than ${MAX_ANY_DEPTH} times "**"`,
    "Use a shorter pattern, or several",
  );

import ignore from "ignore";
import { TEMPORARY_NAME } from "../files/temporary_files.ts";

/** Reports whether an entry takes no part in a copy. */
export type IsExcluded = (path: string, isDirectory: boolean) => boolean;

/**
 * Returns the test for gitignore patterns. What is below an excluded directory is excluded too. The
 * server's own temporary files always are.
 */
export function exclusion(patterns: readonly string[]): IsExcluded {
  const rules = patterns.length === 0
    ? undefined
    : ignore({ ignorecase: false, allowRelativePaths: true }).add([...patterns]);
  return (path, isDirectory) =>
    TEMPORARY_NAME.test(path.slice(path.lastIndexOf("/") + 1)) ||
    (rules?.ignores(isDirectory ? `${path}/` : path) ?? false);
}

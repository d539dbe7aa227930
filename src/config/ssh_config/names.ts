import type { ConfigRoot } from "./evaluate.ts";
import type { ConfigFiles } from "./files.ts";
import { includePath } from "./include_path.ts";
import { BadValue } from "./values.ts";

/** As deep as the reader of values goes. */
const MAX_DEPTH = 16;

/**
 * Returns the names that `Host` lines have, without patterns and negated words, in the order of the files.
 *
 * @throws ConfigFault if a file cannot be read
 */
export function namesIn(
  roots: readonly ConfigRoot[],
  files: ConfigFiles,
  home: string | undefined,
): string[] {
  files.startOver();
  const names = new Set<string>();
  const read = (path: string, root: ConfigRoot, isChecked: boolean, depth: number) => {
    if (depth > MAX_DEPTH) return;
    for (const { line } of files.read(path, isChecked)?.blocks.lines ?? []) {
      // A faulty line is reported when the values of a host are read.
      if (typeof line === "string") continue;
      if (line.keyword === "host") {
        for (const word of line.words) if (!/[*?!]/.test(word) && word !== "") names.add(word);
      }
      if (line.keyword !== "include") continue;
      for (const word of line.words) {
        for (const found of included(word, root, files, home)) read(found, root, true, depth + 1);
      }
    }
  };
  for (const root of roots) read(root.path, root, root.isChecked, 0);
  return [...names];
}

function included(
  word: string,
  root: ConfigRoot,
  files: ConfigFiles,
  home: string | undefined,
): string[] {
  try {
    return files.matching(includePath(word, root.isUsers, home));
  } catch (error) {
    if (error instanceof BadValue) return [];
    throw error;
  }
}

import { isAbsolute, join, relative, sep } from "node:path";
import type { Alias } from "../config/config.ts";

/**
 * A path below a directory's other name as the path below the directory itself; others as they are. Only
 * the configuration may follow links that lie outside the directories.
 */
export function withoutAlias(path: string, aliases: readonly Alias[]): string {
  for (const { path: alias, real } of aliases) {
    const rest = relative(alias, path);
    if (rest.split(sep)[0] !== ".." && !isAbsolute(rest)) return join(real, rest);
  }
  return path;
}

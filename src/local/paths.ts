import { isAbsolute, join, relative, sep } from "node:path";
import type { Alias } from "../config/config.ts";

/** Identifies a file under each of its names: the device, and the number of the file on it. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number | null;
}

/** Which local paths a worker may use. */
export interface PathBounds {
  /** Allowed directories without links. Relative paths start at the first one. */
  readonly roots: readonly string[];
  /** Other names of the roots, which a path may begin with. */
  readonly aliases: readonly Alias[];
  /** The server's own files and directories, by every name: never read, never written. */
  readonly own: readonly string[];
  /** Own files that the worker itself may not look at: a hard link to one is refused too. */
  readonly ownIdentities?: readonly FileIdentity[];
}

/** Reports whether both are the same file. */
export const isSameFile = (one: FileIdentity, other: FileIdentity): boolean =>
  one.dev === other.dev && one.ino === other.ino;

/** Reports whether `path` is the directory itself or below it. Both must be without links. */
export const isInside = (directory: string, path: string): boolean =>
  path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);

/**
 * Returns the path with a root's other name replaced by the root itself; other paths are unchanged.
 * Only the configuration may follow links that are outside of the roots.
 */
export function withoutAlias(path: string, aliases: readonly Alias[]): string {
  for (const { path: alias, real } of aliases) {
    const rest = relative(alias, path);
    if (rest.split(sep)[0] !== ".." && !isAbsolute(rest)) return join(real, rest);
  }
  return path;
}

/** Returns the bounds of a worker that may use only one of the roots. */
export const boundsOf = (
  root: string,
  { aliases, own, ownIdentities }: PathBounds,
): PathBounds => ({
  roots: [root],
  aliases: aliases.filter(({ real }) => real === root),
  own: own.filter((path) => isInside(root, path) || isInside(path, root)),
  ...(ownIdentities === undefined ? {} : { ownIdentities }),
});

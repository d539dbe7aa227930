/** One entry of a tree on either side. */
export interface TreeItem {
  /** Relative to the tree's root, with `/`. */
  readonly path: string;
  readonly kind: "file" | "directory" | "link" | "other";
  readonly size: number;
  /** Modification time in whole seconds. */
  readonly mtime: number;
  /** All twelve permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Target of a link. */
  readonly target?: string;
  /** Why it cannot be copied. */
  readonly problem?: string;
}

/** Everything below a directory, by path; parents come before their children. */
export interface Tree {
  /** Undefined if the directory does not exist. */
  readonly root: TreeItem | undefined;
  readonly items: ReadonlyMap<string, TreeItem>;
}

/** Permission bits that are copied; setuid, setgid and sticky are not. */
export const COPIED_BITS = 0o777;

/** Returns the path of the parent directory; empty for an entry at the top. */
export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

/**
 * Returns why a link cannot be copied, or undefined. Its target must be relative and must not leave the
 * tree. A `..` behind a name is refused, because the name may be a link to another place of the tree.
 */
export function linkProblem(path: string, target: string): string | undefined {
  if (target === "") return "symbolic link whose target cannot be read";
  if (target.includes("\ufffd")) return "symbolic link whose target is not UTF-8";
  if (target.includes("\n")) return "symbolic link with a line feed in its target";
  const parts = target.split("/");
  const ups = parts.findIndex((part) => part !== ".." && part !== ".");
  const lead = parts.slice(0, ups < 0 ? parts.length : ups).filter((part) => part === "..").length;
  const depth = path.split("/").length - 1;
  const leaves = target.startsWith("/") || lead > depth ||
    (ups >= 0 && parts.slice(ups).includes(".."));
  return leaves ? "symbolic link that leads out of the directory" : undefined;
}

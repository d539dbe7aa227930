import type { DirectoryFailure } from "../../directories/port.ts";
import { COPIED_BITS, parentOf, type Tree, type TreeItem } from "./tree_item.ts";

/** What has to be done to make a destination equal to its source. */
export interface Plan {
  /** Directories that the destination lacks, parents first. */
  readonly make: readonly TreeItem[];
  /** Files and links. */
  readonly send: readonly TreeItem[];
  /** Files and links that are equal. */
  readonly same: readonly TreeItem[];
  /** Those of them whose time or mode differs. */
  readonly touch: readonly TreeItem[];
  /** Every directory that the destination will have from its source, with its own special bits. */
  readonly directories: readonly TreeItem[];
  /** Files and links that only the destination has. */
  readonly remove: readonly string[];
  /** Directories that only the destination has, children first. */
  readonly removeDirectories: readonly string[];
  readonly failed: readonly DirectoryFailure[];
}

/** Returns the files that may be equal, because their sizes are. */
export const sameSize = (source: Tree, target: Tree): TreeItem[] =>
  [...source.items.values()].filter(({ path, kind, size, problem }) => {
    const other = target.items.get(path);
    return kind === "file" && problem === undefined && size > 0 && other?.kind === "file" &&
      other.problem === undefined && other.size === size;
  });

/** How a destination may be changed. */
export interface PlanOptions {
  readonly overwrite: boolean;
  /** Why no link can be created at the destination. */
  readonly linkProblem?: string | undefined;
}

/** Compares two trees. @param equal paths of files whose content was proven equal */
export function makePlan(
  source: Tree,
  target: Tree,
  equal: ReadonlySet<string>,
  options: PlanOptions,
): Plan {
  const plan = new PlanMaker(target, equal, options);
  for (const item of source.items.values()) plan.add(item);
  for (const item of target.items.values()) plan.addExtra(item, source);
  return plan;
}

class PlanMaker implements Plan {
  readonly make: TreeItem[] = [];
  readonly send: TreeItem[] = [];
  readonly same: TreeItem[] = [];
  readonly touch: TreeItem[] = [];
  readonly directories: TreeItem[] = [];
  readonly remove: string[] = [];
  readonly removeDirectories: string[] = [];
  readonly failed: DirectoryFailure[] = [];
  readonly #blocked = new Set<string>();
  /** Groups of the directories that pass their group on to what is created in them. */
  readonly #groups = new Map<string, number>();
  readonly #target: Tree;
  readonly #equal: ReadonlySet<string>;
  readonly #overwrite: boolean;
  readonly #linkProblem: string | undefined;

  constructor(
    target: Tree,
    equal: ReadonlySet<string>,
    { overwrite, linkProblem }: PlanOptions,
  ) {
    this.#target = target;
    this.#equal = equal;
    this.#overwrite = overwrite;
    this.#linkProblem = linkProblem;
    if (target.root !== undefined) this.#noteGroup(target.root);
  }

  /** Parents must be added before their children. */
  add(item: TreeItem): void {
    const { path, kind, problem } = item;
    if (this.#blocked.has(parentOf(path))) return this.#fail(path, "its directory is not copied");
    if (problem !== undefined) return this.#fail(path, problem);
    if (kind === "other") return this.#fail(path, "special file (FIFO, socket or device)");
    const found = this.#target.items.get(path);
    if (found?.problem !== undefined && kind !== "link") return this.#fail(path, found.problem);
    if (kind === "directory") this.#addDirectory(item, found);
    else this.#addFile(item, found);
  }

  addExtra({ path, kind }: TreeItem, source: Tree): void {
    if (source.items.has(path)) return;
    // What is not UTF-8 in a name was replaced, so the name could be that of another file.
    const isUnclear = path.includes("\ufffd");
    if (isUnclear || this.#blocked.has(parentOf(path))) return void this.#blocked.add(path);
    if (kind === "directory") this.removeDirectories.unshift(path);
    else this.remove.push(path);
  }

  #addDirectory(item: TreeItem, found: TreeItem | undefined): void {
    if (found !== undefined && found.kind !== "directory") {
      return this.#fail(item.path, `a ${NAMES[found.kind]} of this name is in the way`);
    }
    if (found === undefined) this.make.push(item);
    const made = this.#withOwner(item, found);
    // Others may depend on the mode of a directory that exists.
    this.directories.push(
      found === undefined || this.#overwrite ? made : { ...made, mode: found.mode },
    );
    this.#noteGroup(found ?? made);
  }

  #noteGroup({ path, mode, gid }: TreeItem): void {
    if ((mode & SETGID) !== 0) this.#groups.set(path, gid);
  }

  /** What is replaced keeps its owner; a directory also its special bits. */
  #withOwner(item: TreeItem, found: TreeItem | undefined): TreeItem {
    const group = this.#groups.get(parentOf(item.path));
    const made = { mode: group === undefined ? 0 : SETGID, uid: 0, gid: group ?? 0 };
    const { mode, uid, gid } = found ?? made;
    const special = item.kind === "directory" ? mode & ~COPIED_BITS : 0;
    return { ...item, mode: item.mode & COPIED_BITS | special, uid, gid };
  }

  #addFile(item: TreeItem, found: TreeItem | undefined): void {
    if (found?.kind === "directory") {
      return this.#fail(item.path, "a directory of this name is in the way");
    }
    if (found !== undefined && this.#isEqual(item, found)) {
      this.same.push(item);
      const isOld = item.mtime !== found.mtime ||
        (item.kind === "file" && (item.mode & COPIED_BITS) !== (found.mode & COPIED_BITS));
      if (isOld && this.#overwrite) this.touch.push(item);
    } else if (found !== undefined && !this.#overwrite) this.#fail(item.path, "already exists");
    else if (item.kind === "link" && this.#linkProblem !== undefined) {
      this.#fail(item.path, this.#linkProblem);
    } else this.send.push(this.#withOwner(item, found));
  }

  #isEqual(item: TreeItem, found: TreeItem): boolean {
    if (item.kind !== found.kind) return false;
    if (item.kind === "link") return item.target === found.target;
    return item.size === found.size && (item.size === 0 || this.#equal.has(item.path));
  }

  #fail(path: string, reason: string): void {
    this.#blocked.add(path);
    this.failed.push({ path, reason });
  }
}

const NAMES = {
  file: "file",
  directory: "directory",
  link: "link",
  other: "special file",
} as const;

/** On a directory: what is created in it gets its group. */
const SETGID = 0o2000;

import { join } from "node:path";
import { delay } from "../../../../async/delay.ts";
import { RemoteExecError } from "../../../../errors.ts";
import type { PathGuard } from "../../../../local/path_guard.ts";
import { notADirectory, tooManyBytes, tooManyEntries } from "../../../directories/errors.ts";
import type { IsExcluded } from "../exclusion.ts";
import { linkProblem, type Tree, type TreeItem } from "../tree_item.ts";

/** What limits a walk, and what it leaves out. */
export interface WalkLimits {
  readonly isExcluded: IsExcluded;
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** After this many entries other work gets its turn. */
const ENTRIES_PER_TURN = 512;

/**
 * Lists a local directory and what is below it. Links are listed and not followed; the server's own files
 * are named as a problem.
 *
 * @returns `top`, the directory's resolved path, undefined if it does not exist
 * @throws RemoteExecError `invalid_argument`, `outside_directories`, `too_large`, …
 */
export async function localTree(
  guard: PathGuard,
  path: string,
  limits: WalkLimits,
): Promise<Tree & { readonly top: string | undefined }> {
  const found = await guard.resolve(path).catch((error) => {
    if (error instanceof RemoteExecError && error.code === "not_found") return undefined;
    throw error;
  });
  if (found === undefined) return { top: undefined, root: undefined, items: new Map() };
  const { real: top, info } = found;
  if (!info.isDirectory) throw notADirectory("Local", path);
  const items = new Map<string, TreeItem>();
  let bytes = 0;
  for await (const item of walk(guard, top, limits)) {
    items.set(item.path, item);
    if (item.kind === "file") bytes += item.size;
    if (items.size > limits.maxEntries) throw tooManyEntries("Local", path, limits.maxEntries);
    if (bytes > limits.maxBytes) throw tooManyBytes("Local", path, limits.maxBytes);
  }
  return { top, root: itemOf("", info), items };
}

async function* walk(
  guard: PathGuard,
  top: string,
  { isExcluded, signal }: WalkLimits,
): AsyncGenerator<TreeItem> {
  const waiting = [""];
  let seen = 0;
  for (let parent = waiting.pop(); parent !== undefined; parent = waiting.pop()) {
    const children: string[] = [];
    const names = namesIn(join(top, parent));
    if (names === undefined) {
      yield { ...UNKNOWN, kind: "directory", path: parent, problem: "cannot be read" };
      continue;
    }
    for (const name of names.sort()) {
      if (++seen % ENTRIES_PER_TURN === 0) await delay(0);
      signal.throwIfAborted();
      const path = parent === "" ? name : `${parent}/${name}`;
      const item = inspect(guard, join(top, path), path);
      if (item === undefined || isExcluded(path, item.kind === "directory")) continue;
      if (item.kind === "directory" && item.problem === undefined) children.push(path);
      yield item;
    }
    for (const child of children.reverse()) waiting.push(child);
  }
}

/** Returns undefined if they cannot be read completely: nothing may be deleted for what is missing. */
function namesIn(directory: string): string[] | undefined {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name);
  } catch {
    return undefined;
  }
}

/** Returns undefined for an entry that has just disappeared. */
function inspect(guard: PathGuard, place: string, path: string): TreeItem | undefined {
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(place);
  } catch {
    return path.includes("\ufffd") ? { ...UNKNOWN, path, problem: NOT_UTF8 } : undefined;
  }
  const item = itemOf(path, info);
  if (guard.isOwn(place, info)) return { ...item, problem: "file of this server" };
  if (item.kind === "directory" && !mayList(place)) return { ...item, problem: "cannot be read" };
  if (item.kind !== "link") return item;
  const target = targetOf(place);
  return { ...item, target, ...problemOf(linkProblem(path, target)) };
}

/** Empty, which no target is, for a link that has just disappeared. */
function targetOf(link: string): string {
  try {
    return Deno.readLinkSync(link);
  } catch {
    return "";
  }
}

/** Deno replaces what is not UTF-8 in a name, and then finds nothing of that name. */
const NOT_UTF8 = "name is not UTF-8";
const UNKNOWN = { kind: "other", size: 0, mtime: 0, mode: 0, uid: 0, gid: 0 } as const;

const problemOf = (problem: string | undefined) => problem === undefined ? {} : { problem };

function mayList(directory: string): boolean {
  try {
    Deno.readDirSync(directory)[Symbol.iterator]().next();
    return true;
  } catch {
    return false;
  }
}

const itemOf = (path: string, info: Deno.FileInfo): TreeItem => ({
  path,
  kind: info.isFile ? "file" : info.isDirectory ? "directory" : info.isSymlink ? "link" : "other",
  size: info.isFile ? info.size : 0,
  mtime: Math.floor((info.mtime?.getTime() ?? 0) / 1000),
  mode: (info.mode ?? (info.isDirectory ? 0o755 : 0o644)) & 0o7777,
  uid: info.uid ?? 0,
  gid: info.gid ?? 0,
});

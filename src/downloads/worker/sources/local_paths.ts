import { isAbsolute, resolve, sep } from "node:path";
import { withoutAlias } from "../../../local/aliases.ts";
import type { Alias } from "../../../config/config.ts";
import { traversal } from "../../../errors.ts";
import { fileChanged, notLinkable, pathMissing, pathOutside, unreadable } from "../../errors.ts";
import { LocalFile } from "./local_file.ts";

/** What makes a file the same one: the place on the disk, and when and how long it was written. */
export interface Identity {
  readonly dev: number;
  readonly ino: number | null;
  readonly size: number;
  readonly mtimeMs: number;
  /** Also moves when somebody sets the modification time back. */
  readonly ctimeMs: number;
}

/** The facts by which a file is recognised again. */
export const identityOf = (info: Deno.FileInfo): Identity => ({
  dev: info.dev,
  ino: info.ino,
  size: info.size,
  mtimeMs: info.mtime?.getTime() ?? 0,
  ctimeMs: info.ctime?.getTime() ?? 0,
});

/** Do both name the same content? */
export const isSameFile = (a: Identity, b: Identity): boolean =>
  a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs &&
  a.ctimeMs === b.ctimeMs;

/** Is `path` the directory itself or below it? Both without links. */
export const isInside = (directory: string, path: string): boolean =>
  path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);

/**
 * The path without links of what a person named.
 *
 * @param root without links; relative paths start here, and nothing outside is given
 * @param aliases other names of directories, the root among them
 * @throws RemoteExecError `not_found`, `outside_directories`, `invalid_argument`
 */
export async function resolveInside(
  root: string,
  path: string,
  aliases: readonly Alias[] = [],
): Promise<string> {
  if (path === "" || path.includes("\0")) throw pathMissing(path.replaceAll("\0", "\\0"));
  if (path.split(/[/\\]/).includes("..")) throw traversal();
  const wanted = withoutAlias(isAbsolute(path) ? resolve(path) : resolve(root, path), aliases);
  // A path outside is refused before it is looked at, so that the answer tells nothing about it.
  if (!isInside(root, wanted)) throw pathOutside(path);
  const real = await Deno.realPath(wanted).catch((error) => {
    if (error instanceof Deno.errors.NotCapable) throw pathOutside(path);
    if (error instanceof Deno.errors.PermissionDenied) throw unreadable(path, error);
    throw pathMissing(path);
  });
  if (!isInside(root, real)) throw pathOutside(path);
  return real;
}

/**
 * Opens a regular file and proves afterwards that the opened one lies inside the root: a directory of
 * its path may have been replaced by a link between the check and the opening.
 *
 * @param real a path without links
 * @throws RemoteExecError `changed`, `not_a_file`, `not_permitted`
 */
export async function openInside(root: string, real: string): Promise<LocalFile> {
  const before = await Deno.lstat(real).catch(gone);
  // Before opening: that alone sets some devices going.
  if (!before.isFile) throw notLinkable(real);
  const file = await LocalFile.open(real).catch((error) => {
    if (["EACCES", "EPERM"].includes(error.code)) throw unreadable(real, error);
    throw fileChanged();
  });
  try {
    const opened = file.facts();
    const place = Deno.realPathSync(real);
    const there = Deno.lstatSync(place);
    const same = opened.isFile && there.dev === opened.dev && there.ino === opened.ino;
    if (!same || !isInside(root, place)) throw fileChanged();
    return file;
  } catch (error) {
    file.close();
    throw error instanceof Deno.errors.NotFound ? fileChanged() : error;
  }
}

/**
 * Reads a part of an open file in pieces, the next one while the last is on its way. A piece is valid
 * until the next is asked for.
 *
 * @throws RemoteExecError `changed` when the file is shorter than `end`
 */
export async function* readSpan(
  file: LocalFile,
  start: number,
  end: number,
  chunkBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let pending: Promise<number> | undefined;
  try {
    const size = Math.max(1, Math.min(chunkBytes, end - start));
    const first = new Uint8Array(size);
    const second = size < end - start ? new Uint8Array(size) : first;
    let left = end - start;
    const read = (into: Uint8Array) =>
      file.read(into.subarray(0, Math.min(size, left)), end - left);
    for (let turn = 0; left > 0; turn++) {
      const [buffer, other] = turn % 2 === 0 ? [first, second] : [second, first];
      const count = await (pending ?? read(buffer));
      if (count === 0) throw fileChanged();
      left -= count;
      const mayReadAhead = left > 0 && other !== buffer;
      pending = mayReadAhead ? read(other) : undefined;
      pending?.catch(() => {});
      yield buffer.subarray(0, count);
    }
  } finally {
    await pending?.catch(() => {});
  }
}

function gone(error: unknown): never {
  if (error instanceof Deno.errors.PermissionDenied) throw unreadable("the file", error);
  throw fileChanged();
}

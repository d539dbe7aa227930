import { join } from "node:path";
import type { IsOwn } from "../../../local/own_files.ts";
import { isInside } from "./local_paths.ts";
import { tooManyEntries } from "../../errors.ts";
import { type LeftOutNames, MAX_ENTRIES } from "./source.ts";

/** A file or directory below a linked directory; `path` is relative to it, with `/`. */
export interface LocalEntry {
  readonly path: string;
  /** Where it lies, without links. */
  readonly real: string;
  readonly kind: "file" | "directory";
  readonly size: number;
  readonly mtimeMs: number;
  readonly mode: number;
}

/** What a name in a directory leads to. */
type Found = Pick<LocalEntry, "real" | "kind"> & { readonly info: Deno.FileInfo };

/** After this many entries other work gets its turn. */
const SLICE = 512;

/**
 * Everything below `top`, parents before children, each directory in the order of its names. A link
 * to a file below `top` counts as that file. All other links, special files and the server's own files are
 * left out.
 *
 * @throws RemoteExecError `too_large` beyond the limit of entries
 */
export async function* walkLocal(
  top: string,
  isOwn: IsOwn,
  leftOut?: LeftOutNames,
): AsyncGenerator<LocalEntry> {
  const waiting: { path: string; real: string }[] = [{ path: "", real: top }];
  let seen = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { path: parent, real: directory } = next;
    const children: { path: string; real: string }[] = [];
    for (const name of await namesIn(directory, parent, leftOut)) {
      if (++seen > MAX_ENTRIES) throw tooManyEntries(MAX_ENTRIES);
      if (seen % SLICE === 0) await turn();
      const path = parent === "" ? name : `${parent}/${name}`;
      const found = look(top, path, join(directory, name), leftOut);
      if (found === undefined) continue;
      if (isOwn(found.real, found.info)) {
        leftOut?.add(path, "file of the server itself");
        continue;
      }
      if (found.kind === "directory") children.push({ path, real: found.real });
      yield entryOf(path, found);
    }
    waiting.push(...children.reverse());
  }
}

async function namesIn(directory: string, path: string, leftOut?: LeftOutNames): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(directory)) names.push(name);
  } catch (error) {
    if (path === "") throw error;
    leftOut?.add(path, "cannot be read");
  }
  return names.sort();
}

function look(
  top: string,
  path: string,
  place: string,
  leftOut?: LeftOutNames,
): Found | undefined {
  try {
    const info = Deno.lstatSync(place);
    if (info.isFile) return { real: place, kind: "file", info };
    if (info.isDirectory) return { real: place, kind: "directory", info };
    if (!info.isSymlink) {
      leftOut?.add(path, "special file");
      return undefined;
    }
    const real = Deno.realPathSync(place);
    if (!isInside(top, real)) {
      leftOut?.add(path, "link that leads out");
      return undefined;
    }
    const target = Deno.lstatSync(real);
    if (target.isFile) return { real, kind: "file", info: target };
    // Its content stands in the archive already, at its own place.
    leftOut?.add(path, target.isDirectory ? "link to a directory" : "special file");
  } catch {
    leftOut?.add(path, "cannot be read");
  }
  return undefined;
}

const entryOf = (path: string, { real, kind, info }: Found): LocalEntry => ({
  path,
  real,
  kind,
  size: kind === "file" ? info.size : 0,
  mtimeMs: info.mtime?.getTime() ?? 0,
  mode: (info.mode ?? (kind === "file" ? 0o644 : 0o755)) & 0o7777,
});

const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

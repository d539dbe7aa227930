import { posix } from "node:path";
import { printable, RemoteExecError } from "../../../errors.ts";
import { remoteFileError } from "../../errors.ts";
import type { TreeEntry, TreeLimits } from "../../files_port.ts";
import { hostPath } from "./host_files.ts";
import { fileKind, type Sftp } from "./sftp/sftp.ts";

/** Number of directories listed at the same time. */
const AT_ONCE = 16;

/**
 * Lists everything below a directory on the host, parents first; links are listed and not followed.
 * An entry that cannot be opened, because of its name or the length of its path, is of kind `other`.
 */
export async function hostTree(
  sftp: Sftp,
  path: string,
  limits: TreeLimits,
  signal?: AbortSignal,
): Promise<TreeEntry[]> {
  const root = hostPath(path);
  const entries: TreeEntry[] = [];
  const counter = new TreeCounter(path, limits);
  let level = [""];
  while (level.length > 0) {
    signal?.throwIfAborted();
    const next: string[] = [];
    for (let at = 0; at < level.length; at += AT_ONCE) {
      const listed = await Promise.all(
        level.slice(at, at + AT_ONCE)
          .map((directory) => list(sftp, root, directory, limits.maxEntries, signal)),
      );
      for (const entry of listed.flat()) {
        counter.add(entry);
        entries.push(entry);
        if (entry.kind === "directory") next.push(entry.path);
      }
    }
    level = next;
  }
  return entries;
}

/** Counts the entries and bytes of a tree. `add` throws RemoteExecError `too_large` beyond the limits. */
export class TreeCounter {
  readonly #path: string;
  readonly #limits: TreeLimits;
  #entries = 0;
  #bytes = 0;

  constructor(path: string, limits: TreeLimits) {
    this.#path = path;
    this.#limits = limits;
  }

  add({ kind, size }: TreeEntry): void {
    this.#entries++;
    if (kind === "file") this.#bytes += size;
    if (this.#entries > this.#limits.maxEntries) {
      throw tooMuch(this.#path, `more than ${this.#limits.maxEntries} entries`);
    }
    if (this.#bytes > this.#limits.maxBytes) {
      throw tooMuch(this.#path, `more than ${this.#limits.maxBytes} bytes`);
    }
  }
}

async function list(
  sftp: Sftp,
  root: string,
  directory: string,
  limit: number,
  signal?: AbortSignal,
): Promise<TreeEntry[]> {
  const names = await sftp.list(posix.join(root, directory), limit, signal).catch((error) => {
    signal?.throwIfAborted();
    throw remoteFileError("list", posix.join(root, directory), error);
  });
  const odd = names.find(({ filename }) => !isName(filename));
  if (odd !== undefined) throw noName(odd.filename);
  return names
    .map(({ filename, attrs }): TreeEntry => {
      const path = posix.join(directory, filename);
      const kind = isTooLong(root, path) ? "other" : fileKind(attrs.mode);
      return {
        path,
        kind: kind === "symlink" ? "link" : kind,
        size: attrs.size,
        mtimeMs: attrs.mtime * 1000,
        mode: attrs.mode & 0o7777,
      };
    })
    .sort((a, b) => a.path < b.path ? -1 : 1);
}

/** The kernel opens no longer path, so such a directory is not listed either. Source: PATH_MAX of Linux. */
const MAX_PATH_BYTES = 4_095;

const isTooLong = (root: string, path: string): boolean =>
  new TextEncoder().encode(posix.join(root, path)).length > MAX_PATH_BYTES;

/** Parses a line of `listScript` (mode in hexadecimal, size, mtime, `./path`); undefined for other lines. */
export function parseListed(line: string): TreeEntry | undefined {
  const [, hex = "", size = "", mtime = "", path = ""] =
    /^([0-9a-f]+) (\d+) (\d+) \.\/(.+)$/.exec(line) ?? [];
  if (path === "") return undefined;
  // A name that contains newlines can look like the line of another file.
  if (!path.split("/").every(isName)) throw noName(path);
  const bits = Number.parseInt(hex, 16);
  const kind = fileKind(bits);
  return {
    path,
    kind: kind === "symlink" ? "link" : kind,
    size: Number(size),
    mtimeMs: Number(mtime) * 1000,
    mode: bits & 0o7777,
  };
}

/** Requires a single path component: a name with `/` could leave the directory where the tree is unpacked. */
const isName = (name: string): boolean =>
  name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name);

const noName = (name: string) =>
  new RemoteExecError(
    "io_error",
    `The host returned an invalid file name: ${JSON.stringify(printable(name.slice(0, 200)))}`,
    "Do not transfer this directory; inspect it on the host first",
  );

const tooMuch = (path: string, seen: string) =>
  new RemoteExecError(
    "too_large",
    `Directory too large: ${printable(path)} contains ${seen}`,
    "Choose a smaller directory, or raise the limit",
  );

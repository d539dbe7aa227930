import { join } from "node:path";
import { posix } from "node:path";
import { RemoteExecError } from "../errors.ts";
import { remoteFileError } from "./errors.ts";
import type { TreeEntry } from "./files_port.ts";
import { hostPath } from "./host_files.ts";
import { fileKind, type Sftp } from "./sftp.ts";

/** What a tree may hold at the most. */
export interface TreeLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** Directories that are listed at the same time. */
const AT_ONCE = 16;

/** Everything below a directory of the host, parents first; links are named and not followed. */
export async function hostTree(sftp: Sftp, path: string, limits: TreeLimits): Promise<TreeEntry[]> {
  const root = hostPath(path);
  const entries: TreeEntry[] = [];
  const counter = new TreeCounter(path, limits);
  let level = [""];
  while (level.length > 0) {
    const next: string[] = [];
    for (let at = 0; at < level.length; at += AT_ONCE) {
      const listed = await Promise.all(
        level.slice(at, at + AT_ONCE).map((directory) => list(sftp, root, directory)),
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

/** Counts entries and bytes. @throws RemoteExecError `too_large` beyond the limits */
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

async function list(sftp: Sftp, root: string, directory: string): Promise<TreeEntry[]> {
  const names = await sftp.list(posix.join(root, directory)).catch((error) => {
    throw remoteFileError("list", join(root, directory), error);
  });
  return names
    .map(({ filename, attrs }): TreeEntry => {
      const kind = fileKind(attrs.mode);
      return {
        path: posix.join(directory, filename),
        kind: kind === "symlink" ? "link" : kind,
        size: attrs.size,
        mtimeMs: attrs.mtime * 1000,
        mode: attrs.mode & 0o7777,
      };
    })
    .sort((a, b) => a.path < b.path ? -1 : 1);
}

const tooMuch = (path: string, seen: string) =>
  new RemoteExecError(
    "too_large",
    `Directory too large: ${path} holds ${seen}`,
    "Choose a smaller directory, or raise the limit",
  );

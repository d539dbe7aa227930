import { posix } from "node:path";
import type { ListedEntry, Listing, ListingRequest } from "../../../text/port.ts";
import { notADirectory } from "../../../errors.ts";
import { type HostAccess, hostPath } from "../host_files.ts";
import { statPath } from "../sftp/limited_sftp.ts";
import { missingOr } from "../remote_file_errors.ts";
import { fileKind, type Sftp } from "../sftp/sftp.ts";
import { isHidden, limited, MAX_LISTED } from "./listing.ts";

/** Number of requests at the same time. */
const AT_ONCE = 16;

/** Lists a directory over SFTP. */
export async function sftpListing(
  { sftp }: HostAccess,
  request: ListingRequest,
  signal: AbortSignal,
): Promise<Listing> {
  const { directory: { path }, depth, hidden, limit } = request;
  const root = hostPath(path);
  const info = await statPath(sftp, root).catch((error) => {
    throw missingOr("list", path, error);
  });
  if (fileKind(info.mode) !== "directory") throw notADirectory(path);
  const found = await entriesOf(sftp, root, "", signal).catch((error) => {
    throw missingOr("list", path, error);
  });
  const unreadable: string[] = [];
  let level = found;
  let isCut = found.length > MAX_LISTED;
  for (let at = 2; at <= depth && !isCut; at++) {
    const directories = level.filter((entry) =>
      entry.kind === "directory" && (hidden || !isHidden(entry.path))
    );
    level = (await inTurns(directories, (entry) =>
      entriesOf(sftp, root, entry.path, signal).catch(() => {
        signal.throwIfAborted();
        unreadable.push(entry.path);
        return [];
      }))).flat();
    for (const entry of level) {
      found.push(entry);
    }
    isCut = found.length > MAX_LISTED;
  }
  const listing = limited({ entries: found, isCut }, { hidden, limit }, unreadable.sort());
  const entries = await inTurns(listing.entries, (entry) => withTarget(sftp, root, entry));
  return { ...listing, entries };
}

async function entriesOf(
  sftp: Sftp,
  root: string,
  directory: string,
  signal: AbortSignal,
): Promise<ListedEntry[]> {
  const listed = await sftp.list(posix.join(root, directory), MAX_LISTED, signal);
  return listed.map(({ filename, owner, attrs }) => {
    const kind = fileKind(attrs.mode);
    return {
      path: posix.join(directory, filename),
      kind: kind === "symlink" ? "link" : kind,
      size: attrs.size,
      mtimeMs: attrs.mtime * 1000,
      mode: attrs.mode & 0o7777,
      owner: owner ?? String(attrs.uid ?? "?"),
    };
  });
}

async function withTarget(sftp: Sftp, root: string, entry: ListedEntry): Promise<ListedEntry> {
  if (entry.kind !== "link") return entry;
  const target = await sftp.readLink(posix.join(root, entry.path)).catch(() => undefined);
  return target === undefined ? entry : { ...entry, target };
}

async function inTurns<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    results.push(...await Promise.all(items.slice(at, at + AT_ONCE).map(work)));
  }
  return results;
}

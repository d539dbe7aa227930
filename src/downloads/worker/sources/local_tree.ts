import { delay } from "../../../async/delay.ts";
import { join } from "node:path";
import { CHUNK_BYTES } from "../../../bytes/byte_reader.ts";
import type { LocalFile } from "../../../local/local_file.ts";
import type { PathGuard } from "../../../local/path_guard.ts";
import { isInside } from "../../../local/paths.ts";
import { leftOutMember, nothing, once } from "../archive/zip_archive.ts";
import type { ArchiveEntry } from "../archive/zip_records.ts";
import { fileChanged, tooLarge, tooManyEntries } from "../../errors.ts";
import type { LeftOut, LinkProgress } from "../../port.ts";
import { type Contents, ContentsNames, LeftOutNames, MAX_ENTRIES } from "./source.ts";

/** Entries are opened this many at a time. */
const BATCH = 16;
/** Files up to this size are read when they are opened. */
const READ_AHEAD_BYTES = 128 * 1024;
/** Progress is reported after this many entries. */
const PROGRESS_ENTRIES = 1000;
/** After this many entries other work gets its turn. */
const ENTRIES_PER_TURN = 512;

/** A file or directory below a linked directory; `path` is relative to it, with `/`. */
interface LocalEntry {
  readonly path: string;
  /** The path without links. */
  readonly real: string;
  readonly kind: "file" | "directory";
  readonly size: number;
  readonly mtimeMs: number;
  readonly mode: number;
}

interface OpenedEntry {
  readonly entry: ArchiveEntry;
  close(): void;
}

/** What a name in a directory leads to. */
type Found = Pick<LocalEntry, "real" | "kind"> & { readonly info: Deno.FileInfo };

interface SurveyLimits {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly progress: ((step: LinkProgress) => void) | undefined;
}

/**
 * Returns the bytes of all files below a directory, what is in it, and what an archive of it leaves out: links other
 * than those to files below it, special files, unreadable files, and the server's own files.
 *
 * @param top a resolved path
 * @throws RemoteExecError `too_large`
 */
export async function surveyTree(
  guard: PathGuard,
  top: string,
  { maxBytes, signal, progress }: SurveyLimits,
): Promise<{ size: number; leftOut: LeftOut; contents: Contents }> {
  const leftOut = new LeftOutNames();
  const contents = new ContentsNames();
  let [size, seen, reported] = [0, 0, 0];
  for await (const batch of batches(walk(guard, top, leftOut), BATCH)) {
    signal.throwIfAborted();
    const readable = await Promise.all(batch.map((entry) => mayRead(guard, top, entry)));
    batch.forEach((entry, index) => {
      if (readable[index]) {
        size += entry.size;
        contents.add(entry.path, entry.kind);
      } else leftOut.add(entry.path, "cannot be read");
    });
    if (size > maxBytes) throw tooLarge("Directory", size, maxBytes);
    seen += batch.length;
    if (seen - reported < PROGRESS_ENTRIES) continue;
    reported = seen;
    progress?.({ done: seen, unit: "entries" });
  }
  return { size, leftOut: leftOut.list(), contents: contents.list() };
}

/**
 * Yields what is below a directory for an archive. Several small files at once are opened and read ahead.
 *
 * @param top a resolved path
 * @throws RemoteExecError `too_large` when the directory has grown beyond a limit
 */
export async function* localMembers(
  guard: PathGuard,
  top: string,
  maxBytes: number,
): AsyncGenerator<ArchiveEntry> {
  let total = 0;
  const missing: string[] = [];
  // Reused for each batch: buffers that wait for the garbage collector would take many times as much.
  const buffers = Array.from({ length: BATCH }, () => new Uint8Array(READ_AHEAD_BYTES));
  for await (const batch of batches(walk(guard, top), BATCH)) {
    const opened = await Promise.all(
      batch.map((entry, index) => openEntry(guard, top, entry, buffers[index])),
    );
    try {
      for (const [index, member] of opened.entries()) {
        if (member === undefined) {
          missing.push(batch[index]?.path ?? "");
          continue;
        }
        total += member.entry.size;
        if (total > maxBytes) throw tooLarge("Directory", total, maxBytes);
        yield member.entry;
        member.close();
      }
    } finally {
      for (const member of opened) member?.close();
    }
  }
  if (missing.length > 0) yield leftOutMember(missing);
}

/** Yields parents before children, and each directory in the order of its names. */
async function* walk(
  guard: PathGuard,
  top: string,
  leftOut?: LeftOutNames,
): AsyncGenerator<LocalEntry> {
  const waiting: { path: string; real: string }[] = [{ path: "", real: top }];
  let seen = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { path: parent, real: directory } = next;
    const children: { path: string; real: string }[] = [];
    for (const name of await namesIn(directory, parent, leftOut)) {
      if (++seen > MAX_ENTRIES) throw tooManyEntries(MAX_ENTRIES);
      if (seen % ENTRIES_PER_TURN === 0) await turn();
      const path = parent === "" ? name : `${parent}/${name}`;
      const found = findEntry(top, path, join(directory, name), leftOut);
      if (found === undefined) continue;
      if (guard.isOwn(found.real, found.info)) {
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

function findEntry(
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
    // Its content is in the archive already, at its own path.
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

async function mayRead(guard: PathGuard, top: string, entry: LocalEntry): Promise<boolean> {
  if (entry.kind === "directory") return true;
  try {
    using _ = await guard.openResolved(entry.real, { within: [top] });
    return true;
  } catch {
    return false;
  }
}

/** Returns undefined for a file that cannot be read, or has become one of the server's own. */
async function openEntry(
  guard: PathGuard,
  top: string,
  entry: LocalEntry,
  buffer = new Uint8Array(0),
): Promise<OpenedEntry | undefined> {
  if (entry.kind === "directory") return { entry: { ...entry, content: nothing }, close() {} };
  const file = await guard.openResolved(entry.real, { within: [top] }).catch(() => undefined);
  if (file === undefined) return undefined;
  const close = () => file.close();
  try {
    const info = file.facts();
    const { path, kind, mode } = entry;
    const facts = { path, kind, mode, size: info.size, mtimeMs: info.mtimeMs };
    if (info.size > buffer.length) {
      const content = () => file.chunks({ start: 0, end: info.size }, CHUNK_BYTES, fileChanged);
      return { entry: { ...facts, content }, close };
    }
    const piece = await readWhole(file, buffer.subarray(0, info.size));
    close();
    return { entry: { ...facts, content: () => once(piece) }, close };
  } catch (error) {
    close();
    throw error;
  }
}

async function readWhole(file: LocalFile, into: Uint8Array): Promise<Uint8Array> {
  for (let done = 0; done < into.length;) {
    const count = await file.read(into.subarray(done), done);
    if (count === 0) return into.subarray(0, done);
    done += count;
  }
  return into;
}

async function* batches<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

const turn = () => delay(0);

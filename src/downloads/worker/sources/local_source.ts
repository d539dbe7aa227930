import { createHash } from "node:crypto";
import { basename } from "node:path";
import type { Alias } from "../../../config/config.ts";
import { type IsOwn, ownFiles } from "../../../local/own_files.ts";
import { type ArchiveEntry, leftOutMember, nothing, once, zipArchive } from "../archive/archive.ts";
import { fileChanged, notLinkable, ownFile, tooLarge } from "../../errors.ts";
import {
  type Identity,
  identityOf,
  isSameFile,
  openInside,
  readSpan,
  resolveInside,
} from "./local_paths.ts";
import type { LocalFile } from "./local_file.ts";
import { type LocalEntry, walkLocal } from "./local_tree.ts";
import type { LinkProgress } from "../../port.ts";
import { CHUNK_BYTES, type Content, LeftOutNames, type Source, type Span } from "./source.ts";

/** Entries are opened this many at a time. */
const BATCH = 16;
/** Files up to this size are read when they are opened. */
const READ_AHEAD_BYTES = 128 * 1024;
/** `ctime` has whole seconds (Deno 2.9.4), and Linux moves it in steps of up to 10 ms. */
const CTIME_STEP_MS = 1_020;
/** How often progress is told. */
const PROGRESS_BYTES = 8 * 1024 * 1024;
const PROGRESS_ENTRIES = 1000;

interface OpenedEntry {
  readonly entry: ArchiveEntry;
  close(): void;
}

/** What to look at, and within which bounds. */
export interface LocalRequest {
  /** Without links. */
  readonly root: string;
  /** Other names of the root. */
  readonly aliases: readonly Alias[];
  /** Files of the server itself, which nobody gets: configuration, keys, logs. */
  readonly own: readonly string[];
  readonly path: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly progress: ((step: LinkProgress) => void) | undefined;
}

/**
 * Looks at a file or directory of this machine: checks its place and size, computes its checksum.
 *
 * @throws RemoteExecError `not_found`, `outside_directories`, `not_a_file`, `too_large`, `not_permitted`
 */
export async function localSource(request: LocalRequest): Promise<Source> {
  const real = await resolveInside(request.root, request.path, request.aliases);
  const info = await Deno.lstat(real);
  if ((await ownFiles(request.own))(real, info)) throw ownFile(request.path);
  if (info.isDirectory) return await directorySource(request, real, identityOf(info));
  if (!info.isFile) throw notLinkable(request.path);
  return await fileSource(request, real);
}

async function fileSource(request: LocalRequest, real: string): Promise<Source> {
  const { root, maxBytes } = request;
  using file = await openInside(root, real);
  const identity = file.facts();
  // Opened by its name, under which another file may stand by now.
  if ((await ownFiles(request.own))(real, identity)) throw ownFile(request.path);
  // A change within the second in which the file was written last leaves no trace in its times.
  let isFresh = Date.now() < identity.ctimeMs + CTIME_STEP_MS;
  if (identity.size > maxBytes) throw tooLarge("File", identity.size, maxBytes);
  const sha256 = await hash(file, identity.size, request.signal, request.progress);
  const verify = async () => {
    using _ = await openUnchanged(root, real, identity);
  };
  await verify();
  return {
    kind: "file",
    origin: "local",
    name: basename(real),
    downloadName: basename(real),
    size: identity.size,
    sha256,
    leftOut: { count: 0, names: [] },
    verify,
    async open(span) {
      const file = await openUnchanged(root, real, identity);
      if (isFresh && await hash(file, identity.size).catch(() => undefined) !== sha256) {
        file.close();
        throw fileChanged();
      }
      isFresh &&= Date.now() < identity.ctimeMs + CTIME_STEP_MS;
      return closing(file, unchanged(file, identity, span));
    },
  };
}

async function hash(
  file: LocalFile,
  size: number,
  signal?: AbortSignal,
  progress?: LocalRequest["progress"],
): Promise<string> {
  const digest = createHash("sha256");
  let bytes = 0;
  let told = 0;
  for await (const chunk of readSpan(file, 0, size, CHUNK_BYTES)) {
    signal?.throwIfAborted();
    digest.update(chunk);
    bytes += chunk.length;
    if (bytes - told < PROGRESS_BYTES) continue;
    told = bytes;
    progress?.({ done: bytes, total: size, unit: "bytes" });
  }
  return digest.digest("hex");
}

async function openUnchanged(
  root: string,
  real: string,
  identity: Identity,
): Promise<LocalFile> {
  const file = await openInside(root, real);
  if (isSameFile(file.facts(), identity)) return file;
  file.close();
  throw fileChanged();
}

/** The content; its last piece goes out only when the file has not been written to meanwhile. */
async function* unchanged(file: LocalFile, identity: Identity, { start, end }: Span) {
  let left = end - start;
  for await (const chunk of readSpan(file, start, end, CHUNK_BYTES)) {
    left -= chunk.length;
    if (left === 0 && !isSameFile(file.facts(), identity)) throw fileChanged();
    yield chunk;
  }
}

function closing(file: LocalFile, chunks: AsyncGenerator<Uint8Array>): Content {
  return {
    chunks,
    async close() {
      // A generator that has not begun would not release anything at its end.
      await chunks.return(undefined);
      file.close();
    },
  };
}

async function directorySource(
  request: LocalRequest,
  real: string,
  identity: Identity,
): Promise<Source> {
  const { root } = request;
  const { size, leftOut } = await survey(real, request);
  const verify = async () => {
    const again = await resolveInside(root, real).catch(() => {
      throw fileChanged();
    });
    const info = await Deno.lstat(again);
    // What it holds is read when the link is opened; the directory itself must be the same.
    if (again !== real || info.dev !== identity.dev || info.ino !== identity.ino) {
      throw fileChanged();
    }
  };
  return {
    kind: "directory",
    origin: "local",
    name: basename(real),
    downloadName: `${basename(real)}.zip`,
    size,
    sha256: undefined,
    leftOut: leftOut.list(),
    verify,
    async open() {
      await verify();
      const chunks = zipArchive(members(real, request));
      return { chunks, close: async () => void await chunks.return() };
    },
  };
}

/** The size of everything in a directory, and what an archive of it cannot hold. */
async function survey(top: string, { maxBytes, signal, own, progress }: LocalRequest) {
  const leftOut = new LeftOutNames();
  const isOwn = await ownFiles(own);
  let [size, seen, told] = [0, 0, 0];
  for await (const batch of batches(walkLocal(top, isOwn, leftOut), BATCH)) {
    signal.throwIfAborted();
    const readable = await Promise.all(batch.map((entry) => mayRead(top, entry)));
    batch.forEach((entry, index) => {
      if (readable[index]) size += entry.size;
      else leftOut.add(entry.path, "cannot be read");
    });
    if (size > maxBytes) throw tooLarge("Directory", size, maxBytes);
    seen += batch.length;
    if (seen - told < PROGRESS_ENTRIES) continue;
    told = seen;
    progress?.({ done: seen, unit: "entries" });
  }
  return { size, leftOut };
}

async function mayRead(top: string, entry: LocalEntry): Promise<boolean> {
  if (entry.kind === "directory") return true;
  try {
    using _ = await openInside(top, entry.real);
    return true;
  } catch {
    return false;
  }
}

/** The entries for an archive. Small files are opened and read some ahead, at the same time. */
async function* members(
  top: string,
  { maxBytes, own }: LocalRequest,
): AsyncGenerator<ArchiveEntry> {
  const isOwn = await ownFiles(own);
  let total = 0;
  const missing: string[] = [];
  // Used again for each batch: memory that waits for the collector would be many times as much.
  const buffers = Array.from({ length: BATCH }, () => new Uint8Array(READ_AHEAD_BYTES));
  for await (const batch of batches(walkLocal(top, isOwn), BATCH)) {
    const opened = await Promise.all(
      batch.map((entry, index) => openEntry(top, entry, isOwn, buffers[index])),
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

/** Opens one entry; nothing for a file that cannot be read, or has become one of the server's own. */
async function openEntry(
  top: string,
  entry: LocalEntry,
  isOwn: IsOwn,
  buffer = new Uint8Array(0),
): Promise<OpenedEntry | undefined> {
  if (entry.kind === "directory") return { entry: { ...entry, content: nothing }, close() {} };
  const file = await openInside(top, entry.real).catch(() => undefined);
  if (file === undefined) return undefined;
  const close = () => file.close();
  try {
    const info = file.facts();
    if (isOwn(entry.real, info)) return void close();
    const { path, kind, mode } = entry;
    const facts = { path, kind, mode, size: info.size, mtimeMs: info.mtimeMs };
    if (info.size > buffer.length) {
      const content = () => readSpan(file, 0, info.size, CHUNK_BYTES);
      return { entry: { ...facts, content }, close };
    }
    const piece = await readWhole(file, buffer.subarray(0, info.size));
    close();
    const content = () => once(piece);
    return { entry: { ...facts, content }, close };
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

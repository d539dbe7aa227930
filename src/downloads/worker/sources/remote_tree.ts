import { piecesOf } from "../../../bytes/byte_reader.ts";
import { type ErrorCode, RemoteExecError } from "../../../errors.ts";
import type { FilesPort, OpenedFile, TreeEntry } from "../../../ssh/files_port.ts";
import type { Endpoint } from "../../../ssh/port.ts";
import { leftOutMember, nothing } from "../archive/zip_archive.ts";
import type { ArchiveEntry } from "../archive/zip_records.ts";
import { fileChanged, tooLarge, tooManyEntries } from "../../errors.ts";
import { MAX_ENTRIES } from "./source.ts";
import { readTar, type TarMember } from "../../../archive/tar_reader.ts";

/** Number of host files that are opened ahead: opening one takes several network round trips. */
const OPEN_AHEAD = 8;

/** Codes that concern only one file. */
const UNREADABLE: readonly ErrorCode[] = [
  "io_error",
  "is_directory",
  "not_a_file",
  "not_found",
  "not_permitted",
];

/**
 * Yields the entries of a remote directory for an archive, read on demand: over SFTP from the host; as
 * one tar stream from a container, where each file would need a command. Symbolic links are left out.
 *
 * @param signal ends a read that is waiting
 * @throws RemoteExecError `too_large` when the directory has grown beyond `maxBytes` or the max of entries
 */
export async function* remoteMembers(
  files: FilesPort,
  from: Endpoint,
  maxBytes: number,
  signal: AbortSignal,
): AsyncGenerator<ArchiveEntry> {
  const members = from.kind === "shell"
    ? tarMembers(files, from, signal)
    : hostMembers(files, from, maxBytes, signal);
  const missing: string[] = [];
  let total = 0;
  for await (const member of members) {
    if (typeof member === "string") {
      missing.push(member);
      continue;
    }
    total += member.size;
    if (total > maxBytes) throw tooLarge("Directory", total, maxBytes);
    yield member;
  }
  if (missing.length > 0) yield leftOutMember(missing);
}

/** Yields only the path of a file that cannot be opened. */
async function* hostMembers(
  files: FilesPort,
  from: Endpoint,
  maxBytes: number,
  signal: AbortSignal,
): AsyncGenerator<ArchiveEntry | string> {
  const entries = await files.tree(from, { maxEntries: MAX_ENTRIES, maxBytes }, signal);
  const ahead = new OpenAhead(files, from, entries.filter(({ kind }) => kind === "file"), signal);
  try {
    for (const entry of entries) {
      const { path, kind, mtimeMs, mode } = entry;
      if (kind === "directory") yield { path, kind, mtimeMs, mode, size: 0, content: nothing };
      if (kind !== "file") continue;
      const opened = await ahead.next();
      if (opened === undefined) {
        yield path;
        continue;
      }
      yield* fileMember(path, mode, opened, signal);
    }
  } finally {
    await ahead.close();
  }
}

/** Opens files in order, several of them ahead. */
class OpenAhead {
  readonly #files: FilesPort;
  readonly #from: Endpoint;
  readonly #entries: readonly TreeEntry[];
  readonly #signal: AbortSignal;
  readonly #open: Promise<OpenedFile | undefined>[] = [];
  #begun = 0;

  constructor(
    files: FilesPort,
    from: Endpoint,
    entries: readonly TreeEntry[],
    signal: AbortSignal,
  ) {
    this.#signal = signal;
    this.#files = files;
    this.#from = from;
    this.#entries = entries;
  }

  async next(): Promise<OpenedFile | undefined> {
    while (this.#open.length < OPEN_AHEAD && this.#begun < this.#entries.length) {
      const entry = this.#entries[this.#begun++];
      if (entry === undefined) break;
      const opened = openOrNothing(this.#files, below(this.#from, entry.path), this.#signal);
      // Its failure is reported when its turn comes.
      opened.catch(() => {});
      this.#open.push(opened);
    }
    return await this.#open.shift();
  }

  async close(): Promise<void> {
    for (const opened of this.#open) {
      await (await opened.catch(() => undefined))?.stream.cancel().catch(() => {});
    }
  }
}

/** Returns undefined for a file that is gone or cannot be read. @throws other errors, such as a lost connection */
async function openOrNothing(
  files: FilesPort,
  file: Endpoint,
  signal: AbortSignal,
): Promise<OpenedFile | undefined> {
  try {
    return await files.read(file, undefined, signal);
  } catch (error) {
    if (error instanceof RemoteExecError && UNREADABLE.includes(error.code)) return undefined;
    throw error;
  }
}

async function* tarMembers(
  files: FilesPort,
  from: Endpoint,
  signal: AbortSignal,
): AsyncGenerator<ArchiveEntry | string> {
  for await (
    const member of readTar(await files.readTree(from, signal), {
      signal,
      maxEntries: MAX_ENTRIES,
      tooMany: tooManyEntries,
    })
  ) {
    const { path, kind, size, mtimeMs, mode } = member;
    if (kind === "file" || kind === "directory") {
      yield { path, kind, size, mtimeMs, mode, content: () => member.content() };
    }
    // The stream has no content for it, only the name of the file that has; so it is read by its own name.
    if (kind === "hard_link") yield* linkedMember(files, from, member, signal);
  }
}

async function* linkedMember(
  files: FilesPort,
  from: Endpoint,
  { path, mode }: TarMember,
  signal: AbortSignal,
): AsyncGenerator<ArchiveEntry | string> {
  const opened = await openOrNothing(files, below(from, path), signal);
  if (opened === undefined) return yield path;
  if (opened.facts.kind !== "file") {
    await opened.stream.cancel().catch(() => {});
    throw fileChanged();
  }
  yield* fileMember(path, mode, opened, signal);
}

async function* fileMember(
  path: string,
  mode: number,
  { facts, stream }: OpenedFile,
  signal: AbortSignal,
): AsyncGenerator<ArchiveEntry> {
  const { size, mtimeMs } = facts;
  try {
    yield { path, kind: "file", size, mtimeMs, mode, content: () => piecesOf(stream, signal) };
  } finally {
    // The archive was aborted before its content was read.
    if (!stream.locked) await stream.cancel().catch(() => {});
  }
}

const below = (from: Endpoint, path: string): Endpoint => ({
  ...from,
  path: `${from.path.replace(/\/$/, "")}/${path}`,
});

import { createHash } from "node:crypto";
import { piecesOf } from "../../../bytes/byte_reader.ts";
import { abortable } from "../../../async/abortable.ts";
import { every } from "../../../async/every.ts";
import { RemoteExecError } from "../../../errors.ts";
import type { FileFacts } from "../../../ssh/port.ts";
import { once, zipArchive } from "../archive/zip_archive.ts";
import { directoryTooLarge, fileChanged, notLinkable, tooLarge } from "../../errors.ts";
import {
  nameOf,
  originOf,
  readSmall,
  type RemoteRequest,
  SNAPSHOT_BYTES,
  snapshotSource,
} from "./snapshot_source.ts";
import { remoteMembers } from "./remote_tree.ts";
import {
  type Content,
  ContentsNames,
  LeftOutNames,
  MAX_ENTRIES,
  type Source,
  type Span,
} from "./source.ts";

/** Up to this size, a file is compared with its checksum before the first byte is sent. */
const CHECKED_AHEAD_BYTES = 1024 * 1024;

/**
 * Checks a file or directory of the host or of a container and computes a file's checksum there. The
 * content is not stored on this machine.
 *
 * @throws RemoteExecError `not_found`, `not_a_file`, `too_large`, and what the connection throws
 */
export async function remoteSource(request: RemoteRequest): Promise<Source> {
  const { files, from, signal } = request;
  const stopTicking = tick(request);
  try {
    const facts = await abortable(files.stat(from, signal), signal);
    if (facts.kind === "directory") return await directorySource(request, facts);
    if (facts.kind !== "file") throw notLinkable(from.path);
    return await fileSource(request, facts);
  } finally {
    stopTicking();
  }
}

/** Reports seconds as progress: the host reports no progress while it computes a checksum or lists a tree. */
function tick({ clock, progress }: RemoteRequest): () => void {
  if (progress === undefined) return () => {};
  let done = 0;
  const report = () => progress({ done: done++, unit: "seconds" });
  report();
  return every(clock, 1_000, report);
}

async function fileSource(request: RemoteRequest, facts: FileFacts): Promise<Source> {
  const { files, from, maxBytes, signal } = request;
  if (facts.size > maxBytes) throw tooLarge("File", facts.size, maxBytes);
  if (facts.size <= SNAPSHOT_BYTES) {
    const content = await readSmall(request);
    if (content.length !== facts.size) return snapshotSource(request, facts, content);
  }
  const sha256 = await abortable(files.sha256(from, signal), signal);
  const expected = { size: facts.size, mtimeMs: facts.mtimeMs, sha256 };
  if (!isSame(await abortable(files.stat(from, signal), signal), expected)) throw fileChanged();
  const name = nameOf(from.path, facts.path);
  const { signal: lasting } = new AbortController();
  const isStillSame = shared(async () =>
    await files.sha256(from, lasting) === sha256 &&
    isSame(await files.stat(from, lasting), expected)
  );
  return {
    kind: "file",
    origin: originOf(from),
    name,
    downloadName: name,
    size: facts.size,
    sha256,
    leftOut: { count: 0, names: [] },
    // Anybody with the URL could keep the host busy if each view of the page checked the file.
    verify: () => Promise.resolve(),
    open: (span) => openFile(request, expected, span, isStillSame),
  };
}

/** Shares one answer among all callers that ask at the same time, as the ranges of one download do. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () =>
    running ??= ask().finally(() => {
      running = undefined;
    });
}

type Pieces = () => AsyncIterable<Uint8Array>;

interface Expected {
  readonly size: number;
  readonly mtimeMs: number;
  readonly sha256: string;
}

async function openFile(
  { files, from }: RemoteRequest,
  expected: Expected,
  span: Span,
  isStillSame: () => Promise<boolean>,
): Promise<Content> {
  const { size } = expected;
  const isSmall = size <= CHECKED_AHEAD_BYTES;
  const isWhole = isSmall || (span.start === 0 && span.end === size);
  const stop = new AbortController();
  const { signal } = stop;
  const { stream, facts } = await files.read(
    from,
    isWhole ? { start: 0, end: size } : span,
    signal,
  );
  if (!isSame(facts, expected)) {
    await stream.cancel().catch(() => {});
    throw fileChanged();
  }
  const pieces = () => piecesOf(stream, signal);
  const chunks = isWhole
    ? checkedWhole(pieces, expected)
    : checkedPart(pieces, span, () => abortable(isStillSame(), signal));
  const content = stoppable(chunks, stop, async () => {
    if (!stream.locked) await stream.cancel().catch(() => {});
  });
  return isSmall ? await checkedAhead(content, size, span) : content;
}

/** Returns content whose `close()` does not wait for a running read or for the host. */
function stoppable(
  chunks: AsyncGenerator<Uint8Array>,
  stop: AbortController,
  release: () => Promise<void>,
): Content {
  return {
    chunks,
    async close() {
      stop.abort();
      await release();
      // Not awaited: the generator ends when its running read ends.
      chunks.return(undefined).catch(() => {});
    },
  };
}

/** Yields the complete file. The last chunk is sent only if the checksum is that of the link. */
async function* checkedWhole(pieces: Pieces, { size, sha256 }: Expected) {
  const digest = createHash("sha256");
  let left = size;
  for await (const chunk of pieces()) {
    left -= chunk.length;
    digest.update(chunk);
    if (left < 0 || (left === 0 && digest.digest("hex") !== sha256)) throw fileChanged();
    yield chunk;
    if (left === 0) return;
  }
  if (left > 0) throw fileChanged();
}

/**
 * Yields a part of the file. The last chunk is sent only if the file is still the linked one, by its
 * checksum: the modification time has only whole seconds over SFTP.
 */
async function* checkedPart(
  pieces: Pieces,
  { start, end }: Span,
  isStillSame: () => Promise<boolean>,
) {
  let left = end - start;
  for await (const chunk of pieces()) {
    left -= chunk.length;
    if (left < 0 || (left === 0 && !await isStillSame())) throw fileChanged();
    yield chunk;
    if (left === 0) return;
  }
  if (left > 0) throw fileChanged();
}

/** Reads and checks the complete content now, so that a changed file is refused and not aborted midway. */
async function checkedAhead(content: Content, size: number, span: Span): Promise<Content> {
  const whole = new Uint8Array(size);
  let read = 0;
  try {
    for await (const chunk of content.chunks) {
      whole.set(chunk, read);
      read += chunk.length;
    }
  } finally {
    await content.close();
  }
  return { chunks: once(whole.subarray(span.start, span.end)), close: () => Promise.resolve() };
}

async function directorySource(request: RemoteRequest, facts: FileFacts): Promise<Source> {
  const { files, from, maxBytes, signal } = request;
  const limits = { maxEntries: MAX_ENTRIES, maxBytes };
  const entries = await abortable(files.tree(from, limits, signal), signal).catch((error) => {
    if (!(error instanceof RemoteExecError) || error.code !== "too_large") throw error;
    throw directoryTooLarge(maxBytes, MAX_ENTRIES);
  });
  const leftOut = new LeftOutNames();
  const contents = new ContentsNames();
  let size = 0;
  for (const entry of entries) {
    if (entry.kind === "file" || entry.kind === "directory") contents.add(entry.path, entry.kind);
    if (entry.kind === "link") leftOut.add(entry.path, "link");
    if (entry.kind === "other") {
      leftOut.add(entry.path, reasonOf(entry.path));
    }
    if (entry.kind === "file") size += entry.size;
  }
  if (size > maxBytes) throw tooLarge("Directory", size, maxBytes);
  const name = nameOf(from.path, facts.path);
  return {
    kind: "directory",
    origin: originOf(from),
    name,
    downloadName: `${name}.zip`,
    size,
    sha256: undefined,
    leftOut: leftOut.list(),
    contents: contents.list(),
    verify: () => Promise.resolve(),
    async open() {
      const stop = new AbortController();
      if ((await files.stat(from, stop.signal)).kind !== "directory") throw fileChanged();
      const chunks = zipArchive(remoteMembers(files, from, maxBytes, stop.signal));
      return stoppable(chunks, stop, () => Promise.resolve());
    },
  };
}

const isSame = (facts: FileFacts, { size, mtimeMs }: Expected): boolean =>
  facts.kind === "file" && facts.size === size && facts.mtimeMs === mtimeMs;

/** The ssh worker marks names that it could not open: it shortens them, or they were not UTF-8. */
const reasonOf = (path: string): string =>
  /[…\ufffd]/.test(path) ? "name that cannot be used" : "special file";

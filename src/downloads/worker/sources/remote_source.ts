import { createHash } from "node:crypto";
import { posix } from "node:path";
import { abortable } from "../../../async/abortable.ts";
import { every } from "../../../async/every.ts";
import type { Clock } from "../../../async/clock.ts";
import { RemoteExecError } from "../../../errors.ts";
import type { FilesPort } from "../../../ssh/files_port.ts";
import type { Endpoint, FileFacts } from "../../../ssh/port.ts";
import { once, zipArchive } from "../archive/zip_archive.ts";
import {
  directoryTooLarge,
  fileChanged,
  notLinkable,
  tooLarge,
  withoutLength,
} from "../../errors.ts";
import type { LinkProgress } from "../../port.ts";
import { remoteMembers } from "./remote_tree.ts";
import {
  type Content,
  LeftOutNames,
  MAX_ENTRIES,
  piecesOf,
  type Source,
  type Span,
} from "./source.ts";

/** What to look at on the other side, and within which bounds. */
export interface RemoteRequest {
  readonly files: FilesPort;
  readonly from: Exclude<Endpoint, { kind: "local" }>;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly progress: ((step: LinkProgress) => void) | undefined;
}

/** Up to this size a file is compared with its checksum before the first byte goes out. */
const CHECKED_AHEAD_BYTES = 1024 * 1024;

const EMPTY_SHA256 = createHash("sha256").digest("hex");

/**
 * Looks at a file or directory of the host or of a container; nothing of it is stored here.
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

/** The host tells nothing while it computes a checksum or walks a tree: the seconds are the progress. */
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
  const sha256 = await abortable(files.sha256(from, signal), signal);
  // Files like those in /proc say that they are empty.
  if (facts.size === 0 && sha256 !== EMPTY_SHA256) throw withoutLength(from.path);
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
    // Asking the host for every look at a page would let strangers keep it busy.
    verify: () => Promise.resolve(),
    open: (span) => openFile(request, expected, span, isStillSame),
  };
}

/** Whoever asks while an answer is on its way gets that one: the segments of a download ask together. */
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

/** Content whose close does not wait for a read, or for an answer of the host, that is under way. */
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
      // Ends by itself when what it waits for does.
      chunks.return(undefined).catch(() => {});
    },
  };
}

/** The whole file; its last piece goes out only when the checksum is the one that the link names. */
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
 * A part of the file; its last piece goes out only when the file is the one that was linked. Its time
 * does not tell: over SFTP it has whole seconds.
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

/** Reads and checks the whole now, so that a changed file is refused instead of broken off. */
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
  let size = 0;
  for (const entry of entries) {
    if (entry.kind === "link") leftOut.add(entry.path, "link");
    if (entry.kind === "other") leftOut.add(entry.path, "special file");
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

const originOf = ({ kind }: RemoteRequest["from"]) => kind === "host" ? "host" : "container";

/** The last part of what was asked for; of `~`, `.` and `/` what the host makes of it. */
function nameOf(asked: string, real: string): string {
  const own = posix.basename(asked);
  if (own !== "" && own !== "." && !own.startsWith("~")) return own;
  return posix.basename(real) || "root";
}

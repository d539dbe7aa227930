import { createHash } from "node:crypto";
import { basename } from "node:path";
import { CHUNK_BYTES } from "../../../bytes/byte_reader.ts";
import { RemoteExecError } from "../../../errors.ts";
import type { LocalFacts, LocalFile } from "../../../local/local_file.ts";
import { type CheckedPath, PathGuard } from "../../../local/path_guard.ts";
import { isSameFile, type PathBounds } from "../../../local/paths.ts";
import { zipArchive } from "../archive/zip_archive.ts";
import { fileChanged, linkPathErrors, tooLarge } from "../../errors.ts";
import type { LinkProgress } from "../../port.ts";
import { localMembers, surveyTree } from "./local_tree.ts";
import type { Content, Source, Span } from "./source.ts";

/** `ctime` has whole seconds (Deno 2.9.4), and Linux moves it in steps of up to 10 ms. */
const CTIME_STEP_MS = 1_020;
/** Progress is reported after this many bytes. */
const PROGRESS_BYTES = 8 * 1024 * 1024;

/** A local path to be linked, and its limits. */
export interface LocalRequest {
  readonly bounds: PathBounds;
  readonly path: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly progress: ((step: LinkProgress) => void) | undefined;
}

/**
 * Checks the place and size of a file or directory of this machine, and computes a file's checksum.
 *
 * @throws RemoteExecError `not_found`, `outside_directories`, `not_a_file`, `too_large`, `not_permitted`
 */
export async function localSource(request: LocalRequest): Promise<Source> {
  const guard = await PathGuard.create(request.bounds, linkPathErrors);
  const found = await guard.resolve(request.path);
  return found.info.isDirectory
    ? await directorySource(request, guard, found)
    : await fileSource(request, guard, found);
}

async function fileSource(
  { bounds, path, maxBytes, signal, progress }: LocalRequest,
  guard: PathGuard,
  { real, info }: CheckedPath,
): Promise<Source> {
  using file = await guard.openResolved(real, { shown: path, checked: info });
  const facts = file.facts();
  // A change within the second of the last write leaves no trace in the file's times.
  let isFresh = Date.now() < facts.ctimeMs + CTIME_STEP_MS;
  if (facts.size > maxBytes) throw tooLarge("File", facts.size, maxBytes);
  const hashOf = async (of: LocalFile, ...options: HashOptions) =>
    await hash(of, facts.size, ...options).catch((error) => {
      throw readError(path, error);
    });
  const sha256 = await hashOf(file, signal, progress);
  const verify = async () => {
    using _ = await openUnchanged(bounds, real, facts);
  };
  await verify();
  return {
    kind: "file",
    origin: "local",
    name: basename(real),
    downloadName: basename(real),
    size: facts.size,
    sha256,
    leftOut: { count: 0, names: [] },
    verify,
    async open(span) {
      const file = await openUnchanged(bounds, real, facts);
      try {
        if (isFresh && await hashOf(file) !== sha256) throw fileChanged();
      } catch (error) {
        file.close();
        throw error;
      }
      isFresh &&= Date.now() < facts.ctimeMs + CTIME_STEP_MS;
      return closing(file, unchangedSpan(file, facts, span));
    },
  };
}

async function directorySource(
  { bounds, path: _, ...limits }: LocalRequest,
  guard: PathGuard,
  { real, info }: CheckedPath,
): Promise<Source> {
  const { size, leftOut, contents } = await surveyTree(guard, real, limits);
  const verify = async () => {
    const again = await PathGuard.create(bounds, linkPathErrors);
    const found = await again.resolve(real).catch(() => undefined);
    // Its content is read when the link is opened; the directory itself must be the same.
    if (found?.real !== real || !isSameFile(found.info, info)) throw fileChanged();
    return again;
  };
  return {
    kind: "directory",
    origin: "local",
    name: basename(real),
    downloadName: `${basename(real)}.zip`,
    size,
    sha256: undefined,
    leftOut,
    contents,
    verify: async () => void await verify(),
    async open() {
      const chunks = zipArchive(localMembers(await verify(), real, limits.maxBytes));
      return { chunks, close: async () => void await chunks.return() };
    },
  };
}

/** A disk that cannot read the file does not mean that the file has changed. */
const readError = (path: string, error: unknown): unknown =>
  error instanceof RemoteExecError || !(error instanceof Error) || !("code" in error)
    ? error
    : linkPathErrors.failed("read", path, error);

type HashOptions = [signal?: AbortSignal, progress?: LocalRequest["progress"]];

async function hash(
  file: LocalFile,
  size: number,
  ...[signal, progress]: HashOptions
): Promise<string> {
  const digest = createHash("sha256");
  let bytes = 0;
  let reported = 0;
  for await (const chunk of file.chunks({ start: 0, end: size }, CHUNK_BYTES, fileChanged)) {
    signal?.throwIfAborted();
    digest.update(chunk);
    bytes += chunk.length;
    if (bytes - reported < PROGRESS_BYTES) continue;
    reported = bytes;
    progress?.({ done: bytes, total: size, unit: "bytes" });
  }
  return digest.digest("hex");
}

async function openUnchanged(
  bounds: PathBounds,
  real: string,
  linked: LocalFacts,
): Promise<LocalFile> {
  const file = await (await PathGuard.create(bounds, linkPathErrors)).openResolved(real);
  if (isUnchanged(file.facts(), linked)) return file;
  file.close();
  throw fileChanged();
}

/** Yields a part of the file. The last chunk is sent only if the file is unchanged. */
async function* unchangedSpan(file: LocalFile, linked: LocalFacts, span: Span) {
  let left = span.end - span.start;
  for await (const chunk of file.chunks(span, CHUNK_BYTES, fileChanged)) {
    left -= chunk.length;
    if (left === 0 && !isUnchanged(file.facts(), linked)) throw fileChanged();
    yield chunk;
  }
}

const isUnchanged = (now: LocalFacts, linked: LocalFacts): boolean =>
  isSameFile(now, linked) && now.size === linked.size && now.mtimeMs === linked.mtimeMs &&
  now.ctimeMs === linked.ctimeMs;

function closing(file: LocalFile, chunks: AsyncGenerator<Uint8Array>): Content {
  return {
    chunks,
    async close() {
      // A generator that has not started releases nothing when it is closed.
      await chunks.return(undefined);
      file.close();
    },
  };
}

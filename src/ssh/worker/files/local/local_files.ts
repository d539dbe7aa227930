import { sep } from "node:path";
import { CHUNK_BYTES } from "../../../../bytes/byte_reader.ts";
import type { LocalFile } from "../../../../local/local_file.ts";
import { PathGuard } from "../../../../local/path_guard.ts";
import type { PathBounds } from "../../../../local/paths.ts";
import { endsInSlash, localExists, tooLarge } from "../../../errors.ts";
import type { ByteRange } from "../../../files_port.ts";
import type { FileFacts } from "../../../port.ts";
import { CHUNK_LIFE, type Sink, type SinkOptions, type Source } from "../source_sink.ts";
import { localPathErrors } from "./local_errors.ts";
import { openLocalSink } from "./local_sink.ts";

/** Files on this machine, within the allowed directories. */
export class LocalFiles {
  readonly #bounds: PathBounds;

  /** Relative paths start at the first root. */
  constructor(bounds: PathBounds) {
    this.#bounds = bounds;
  }

  /**
   * Returns what is at a path; links inside the allowed directories are followed.
   *
   * @throws RemoteExecError `not_found`, `outside_directories`, `not_permitted`, `invalid_argument`
   */
  async facts(path: string): Promise<FileFacts> {
    const { real, info } = await (await this.#guard()).resolve(path);
    return {
      kind: info.isFile ? "file" : info.isDirectory ? "directory" : "other",
      size: info.size,
      mtimeMs: info.mtime?.getTime() ?? 0,
      mode: (info.mode ?? 0o644) & 0o7777,
      path: real,
    };
  }

  /**
   * Opens a regular file, or a part of it.
   *
   * @throws RemoteExecError what `facts()` throws, `not_a_file`, `is_directory`, `too_large`, `changed`
   */
  async openSource(path: string, maxBytes: number, range?: ByteRange): Promise<Source> {
    const file = await (await this.#guard()).open(path);
    const { size } = file.facts();
    if (size <= maxBytes) return localSource(file, path, size, range);
    file.close();
    throw tooLarge("File", size, maxBytes);
  }

  /**
   * Prepares to write a file and creates missing directories. The file has its final name only after
   * `commit()`.
   *
   * @throws RemoteExecError what `openSource()` throws, `already_exists`, `disk_full`
   */
  async openSink(path: string, options: SinkOptions): Promise<Sink> {
    const guard = await this.#guard();
    if (/[^/]\/+$/.test(path.replaceAll(sep, "/"))) throw endsInSlash(path);
    const { target, old } = await guard.resolveTarget(path);
    if (old && !options.overwrite) throw localExists(path);
    return await openLocalSink(guard, target, path, {
      overwrite: options.overwrite,
      mode: options.mode ?? old?.mode ?? undefined,
    });
  }

  #guard(): Promise<PathGuard> {
    return PathGuard.create(this.#bounds, localPathErrors);
  }
}

function localSource(
  file: LocalFile,
  path: string,
  fileSize: number,
  range: ByteRange | undefined,
): Source {
  const start = range?.start ?? 0;
  const size = range === undefined
    ? fileSize
    : Math.max(0, Math.min(range.end ?? fileSize, fileSize) - start);
  return {
    // Files such as those in /proc report that they are empty.
    size: range === undefined && size === 0 ? undefined : size,
    path,
    chunks: () => fileChunks(file, start, range === undefined ? Infinity : start + size),
    close() {
      file.close();
      return Promise.resolve();
    },
  };
}

async function* fileChunks(
  file: LocalFile,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  const buffers = Array.from({ length: CHUNK_LIFE + 2 }, () => new Uint8Array(CHUNK_BYTES));
  let position = start;
  for (let turn = 0; position < end; turn++) {
    const buffer = buffers[turn % buffers.length] ?? new Uint8Array(CHUNK_BYTES);
    const count = await file.read(buffer.subarray(0, end - position), position);
    if (count === 0) return;
    position += count;
    yield buffer.subarray(0, count);
  }
}

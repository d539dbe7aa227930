import { basename, dirname, isAbsolute, join, resolve, sep } from "node:path";
import { withoutAlias } from "../../../local/aliases.ts";
import type { Alias, FilesConfig } from "../../../config/config.ts";
import { traversal } from "../../../errors.ts";
import { ownFiles } from "../../../local/own_files.ts";
import { localExists, notAFile, tooLarge } from "../../errors.ts";
import {
  badPath,
  changed,
  homePath,
  localError,
  localMissing,
  outside,
  ownFile,
} from "./local_errors.ts";
import {
  CHUNK_BYTES,
  CHUNK_LIFE,
  type Sink,
  type SinkOptions,
  type Source,
} from "./source_sink.ts";
import { openLocalSink } from "./local_sink.ts";
import type { ByteRange } from "../../files_port.ts";
import type { FileFacts } from "../../port.ts";

/**
 * Files on this machine. The runtime refuses what lies outside the allowed directories, but follows
 * symbolic links out of them, so every path is resolved and checked here as well.
 */
export class LocalFiles {
  readonly #roots: readonly string[];
  readonly #aliases: readonly Alias[];
  readonly #own: readonly string[];

  /** Relative names start at the first root. The server's own files are neither read nor written here. */
  constructor({ roots, aliases, own }: Omit<FilesConfig, "workingDirectory">) {
    this.#roots = roots;
    this.#aliases = aliases;
    this.#own = own;
  }

  /** What stands at a path; links are followed as long as they stay inside. */
  async facts(path: string): Promise<FileFacts> {
    const real = await this.#existing(path);
    const info = await Deno.stat(real);
    return {
      kind: info.isFile ? "file" : info.isDirectory ? "directory" : "other",
      size: info.size,
      mtimeMs: info.mtime?.getTime() ?? 0,
      mode: (info.mode ?? 0o644) & 0o7777,
      path: real,
    };
  }

  /** Opens a regular file, or a part of it. @throws RemoteExecError `not_found`, `not_a_file`, `outside_directories`, … */
  async openSource(path: string, maxBytes: number, range?: ByteRange): Promise<Source> {
    const real = await this.#existing(path);
    const kind = await Deno.stat(real);
    // Before opening: a FIFO would wait for a writer for ever.
    if (!kind.isFile) {
      throw notAFile("Local", path, kind.isDirectory ? "directory" : "special file");
    }
    const file = await Deno.open(real).catch((error) => {
      throw localError("read", path, error);
    });
    try {
      const info = await file.stat();
      const again = await Deno.lstat(await this.#existing(path));
      if (!info.isFile || again.ino !== info.ino || again.dev !== info.dev) throw changed(path);
      if (info.size > maxBytes) throw tooLarge("File", info.size, maxBytes);
      return await localSource(file, path, info.size, range);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Prepares to write a file; missing directories are made. Nothing has its final name yet. */
  async openSink(path: string, options: SinkOptions): Promise<Sink> {
    const wanted = this.#absolute(path);
    const parent = await this.#parent(dirname(wanted), path);
    const target = await this.#target(join(parent, basename(wanted)), path);
    const old = await Deno.lstat(target).catch(missingOr(path));
    if (old && !old.isFile) {
      throw notAFile("Local", path, old.isDirectory ? "directory" : "special file");
    }
    if (old && !options.overwrite) throw localExists(path);
    await this.#refuseOwn(target, path);
    return await openLocalSink(target, path, {
      overwrite: options.overwrite,
      mode: options.mode ?? old?.mode ?? undefined,
    });
  }

  #absolute(path: string): string {
    if (path === "" || path.includes("\0")) throw badPath(path);
    if (/^~([/\\]|$)/.test(path)) throw homePath(path);
    if (path.split(/[/\\]/).includes("..")) throw traversal();
    const whole = isAbsolute(path) ? resolve(path) : resolve(this.#roots[0] ?? "/", path);
    return withoutAlias(whole, this.#aliases);
  }

  async #existing(path: string): Promise<string> {
    const wanted = this.#absolute(path);
    const real = await Deno.realPath(wanted).catch((error) => {
      if (error instanceof Deno.errors.NotFound) throw localMissing(path);
      throw localError("read", path, error);
    });
    this.#check(real, path);
    await this.#refuseOwn(real, path);
    return real;
  }

  /** The real directory of a file to be written; what is missing of it is made. */
  async #parent(directory: string, path: string): Promise<string> {
    let existing = directory;
    while (!(await Deno.lstat(existing).catch(missingOr(path)))) existing = dirname(existing);
    const real = await Deno.realPath(existing).catch((error) => {
      throw localError("write", path, error);
    });
    const wanted = join(real, directory.slice(existing.length));
    this.#check(wanted, path);
    await Deno.mkdir(wanted, { recursive: true }).catch((error) => {
      throw localError("write", path, error);
    });
    // Somebody may have put a link in the way meanwhile.
    const made = await Deno.realPath(wanted);
    this.#check(made, path);
    return made;
  }

  /** A link as last part stays, and its target is replaced; a link that leads out is refused. */
  async #target(target: string, path: string): Promise<string> {
    const info = await Deno.lstat(target).catch(missingOr(path));
    if (!info?.isSymlink) return target;
    const real = await Deno.realPath(target).catch(() => {
      throw outside(path);
    });
    this.#check(real, path);
    return real;
  }

  #check(real: string, path: string): void {
    const inside = this.#roots.some((root) =>
      real === root || real.startsWith(root.endsWith(sep) ? root : root + sep)
    );
    if (!inside) throw outside(path);
  }

  async #refuseOwn(real: string, path: string): Promise<void> {
    const isOwn = await ownFiles(this.#own);
    if (isOwn(real, await Deno.lstat(real).catch(() => undefined))) throw ownFile(path);
  }
}

async function localSource(
  file: Deno.FsFile,
  path: string,
  fileSize: number,
  range: ByteRange | undefined,
): Promise<Source> {
  const start = range?.start ?? 0;
  const size = range === undefined
    ? fileSize
    : Math.max(0, Math.min(range.end ?? fileSize, fileSize) - start);
  if (start > 0) await file.seek(start, Deno.SeekMode.Start);
  return {
    size: range === undefined && size === 0 ? undefined : size,
    path,
    chunks: () => fileChunks(file, range === undefined ? Infinity : size),
    close() {
      try {
        file.close();
      } catch {
        // Closed already.
      }
      return Promise.resolve();
    },
  };
}

async function* fileChunks(file: Deno.FsFile, limit: number): AsyncGenerator<Uint8Array> {
  const buffers = Array.from({ length: CHUNK_LIFE + 2 }, () => new Uint8Array(CHUNK_BYTES));
  let left = limit;
  for (let turn = 0; left > 0; turn++) {
    const buffer = buffers[turn % buffers.length] ?? new Uint8Array(CHUNK_BYTES);
    const count = await file.read(left < buffer.length ? buffer.subarray(0, left) : buffer);
    if (count === null) return;
    left -= count;
    yield buffer.subarray(0, count);
  }
}

function missingOr(path: string): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw localError("look at", path, error);
  };
}

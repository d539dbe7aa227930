import { closeSync, constants, fchmodSync, fstatSync, futimesSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import { CHUNK_BYTES } from "../../../../bytes/byte_reader.ts";
import { gathered } from "../../../../bytes/gathered.ts";
import { errorText, oneLine, RemoteExecError } from "../../../../errors.ts";
import type { PathGuard } from "../../../../local/path_guard.ts";
import { isSameFile } from "../../../../local/paths.ts";
import { localError } from "../../files/local/local_errors.ts";
import { openLocalSink } from "../../files/local/local_sink.ts";
import { writeSmallFile } from "../../files/local/small_file.ts";
import { sha256 } from "../../files/source_sink.ts";
import { sweepLocal } from "../../files/temporary_files.ts";
import { COPIED_BITS, type TreeItem } from "../tree_item.ts";

/**
 * Changes what is below a local directory. No step follows a link: each place is resolved again directly
 * before it is used.
 */
export class LocalTarget {
  readonly #guard: PathGuard;
  readonly #top: string;
  /** Directories without leftovers of killed copies. */
  readonly #swept = new Set<string>();

  /** @param top a resolved path */
  constructor(guard: PathGuard, top: string) {
    this.#guard = guard;
    this.#top = top;
  }

  /** Returns why the directory could not be created, or undefined. */
  makeDirectory({ path }: TreeItem): string | undefined {
    return this.#attempt(path, (place) => {
      try {
        Deno.mkdirSync(place);
        this.#swept.add(place);
      } catch (error) {
        // Another copy has just created it.
        if (!(error instanceof Deno.errors.AlreadyExists && Deno.lstatSync(place).isDirectory)) {
          throw error;
        }
      }
    });
  }

  /**
   * Writes a file, which gets its name only if its content has the hash.
   *
   * @param content may reuse the bytes of a piece if the file is larger than one chunk
   * @param expected may be computed meanwhile; undefined if the host cannot, then only the size is compared
   *
   * @returns why it was not written, or undefined
   * @throws what the content throws
   */
  async write(
    item: TreeItem,
    content: AsyncIterable<Uint8Array>,
    expected: string | undefined | Promise<string | undefined>,
    overwrite: boolean,
  ): Promise<string | undefined> {
    const place = join(this.#top, item.path);
    const refused = this.#refused(item.path);
    if (refused !== undefined) return refused;
    const sweeps = this.#isToSweep(dirname(place));
    const opening = openLocalSink(this.#guard, place, item.path, {
      overwrite,
      mode: item.mode & COPIED_BITS,
      mtime: item.mtime,
      sweeps,
    });
    const sink = await opening.catch((error: unknown) => reasonOf(error));
    if (typeof sink === "string") return sink;
    const hash = sha256();
    let size = 0;
    try {
      // One chunk is written while the next one arrives and is hashed.
      let writing: Promise<string | undefined> = Promise.resolve(undefined);
      for await (const chunk of item.size > CHUNK_BYTES ? gathered(content) : content) {
        hash.update(chunk);
        size += chunk.length;
        const failure = await writing;
        if (failure !== undefined) return failure;
        writing = sink.write(chunk).then(() => undefined, reasonOf);
      }
      const failure = await writing;
      if (failure !== undefined) return failure;
      const found = hash.digest("hex");
      const wanted = size === item.size ? await expected ?? found : undefined;
      if (found !== wanted) return CHANGED;
      return await sink.commit({ size, sha256: found }).then(() => undefined, reasonOf);
    } finally {
      await sink.discard();
    }
  }

  /** Does the same with the complete content in memory. Takes a third of the CPU time. */
  async writeSmall(
    item: TreeItem,
    content: Uint8Array,
    expected: string,
    overwrite: boolean,
  ): Promise<string | undefined> {
    const place = join(this.#top, item.path);
    const refused = this.#refused(item.path);
    if (refused !== undefined) return refused;
    if (sha256().update(content).digest("hex") !== expected) return CHANGED;
    try {
      const options = { overwrite, mode: item.mode & COPIED_BITS, mtime: item.mtime };
      const made = writeSmallFile(this.#guard, place, item.path, content, options);
      const directory = dirname(place);
      if (this.#isToSweep(directory)) await sweepLocal(directory, made).catch(() => {});
      return undefined;
    } catch (error) {
      return reasonOf(error);
    }
  }

  /** True for the first file of a directory that existed before. */
  #isToSweep(directory: string): boolean {
    const isSwept = this.#swept.has(directory);
    this.#swept.add(directory);
    return !isSwept;
  }

  /** Removes a file or link. Returns why it could not, or undefined. */
  remove(path: string): string | undefined {
    return this.#attempt(path, (place) => {
      const info = Deno.lstatSync(place);
      if (this.#guard.isOwn(place, info)) throw new RemoteExecError("not_permitted", OWN, "");
      if (!info.isDirectory) Deno.removeSync(place);
    });
  }

  /** Removes a directory if it is empty. */
  removeDirectory(path: string): void {
    this.#attempt(path, (place) => {
      if (Deno.lstatSync(place).isDirectory) Deno.removeSync(place);
    });
  }

  /** Sets mode and time of a file or directory. Returns why it could not, or undefined. */
  touch({ path, mode, mtime }: TreeItem, setsMode = true): string | undefined {
    return this.#attempt(path, (place) => {
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
      const handle = openSync(place, flags);
      try {
        if (!isSameFile(fstatSync(handle), Deno.lstatSync(place))) return;
        if (setsMode && Deno.build.os !== "windows") fchmodSync(handle, mode);
        futimesSync(handle, mtime, mtime);
      } finally {
        closeSync(handle);
      }
    });
  }

  /** Returns why nothing may be at a path: also the names of own files that do not exist yet. */
  #refused(path: string): string | undefined {
    if (isOddOnWindows(path)) return "name that Windows reads differently";
    return this.#guard.isOwn(join(this.#top, path), undefined) ? OWN : undefined;
  }

  #attempt(path: string, work: (place: string) => void): string | undefined {
    const place = join(this.#top, path);
    const refused = this.#refused(path);
    if (refused !== undefined) return refused;
    try {
      const directory = path === "" ? place : dirname(place);
      if (Deno.realPathSync(directory) !== directory) return "its directory was replaced";
      work(place);
      return undefined;
    } catch (error) {
      return reasonOf(error);
    }
  }
}

const OWN = "file of this server";
const CHANGED = "changed while it was read";

/**
 * Reports whether a path of another system leads elsewhere on Windows: a backslash is a separator there,
 * and a colon begins a drive or a stream.
 */
export const isOddOnWindows = (path: string, os: string = Deno.build.os): boolean =>
  os === "windows" && /[\\:]/.test(path);

const reasonOf = (error: unknown): string =>
  oneLine(errorText(localError("write", "the file", error)));

import { closeSync, constants, fstatSync, openSync, type Stats } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { traversal } from "../errors.ts";
import { asDenoError, LocalFile } from "./local_file.ts";
import { type IsOwnFile, ownFiles } from "./own_files.ts";
import { isInside, isSameFile, type PathBounds, withoutAlias } from "./paths.ts";

/** The errors that a guard throws. Each worker words them for its own callers. */
export interface PathErrors {
  /** The path is empty or contains NUL. */
  badPath(path: string): Error;
  /** The path begins with `~`. */
  homePath(path: string): Error;
  outside(path: string): Error;
  missing(path: string): Error;
  ownFile(path: string): Error;
  notAFile(path: string, kind: "directory" | "special file"): Error;
  /** The file or a directory of its path was replaced between check and use. */
  changed(path: string): Error;
  failed(action: "read" | "write" | "inspect", path: string, cause: unknown): Error;
}

interface OpenOptions {
  readonly shown?: string;
  readonly checked?: Deno.FileInfo;
  readonly within?: readonly string[];
}

/** An existing file or directory that may be used. */
export interface CheckedPath {
  /** The path without links. */
  readonly real: string;
  /** What was at the path when it was checked. */
  readonly info: Deno.FileInfo;
}

/**
 * Decides which local files a worker may open: the only code that opens a file a caller named. Deno
 * refuses paths outside of the allowed directories, but follows symbolic links out of them (measured on
 * 2.9.4). So every path is checked before it is opened, and the opened file is compared with the checked
 * one by device and inode.
 */
export class PathGuard {
  readonly #bounds: PathBounds;
  readonly #errors: PathErrors;
  /** Reports whether a resolved path is one of the server's own files. */
  readonly isOwn: IsOwnFile;

  private constructor(bounds: PathBounds, errors: PathErrors, isOwn: IsOwnFile) {
    this.#bounds = bounds;
    this.#errors = errors;
    this.isOwn = isOwn;
  }

  /** Creates a guard for one operation: it knows the server's own files as they are now. */
  static async create(bounds: PathBounds, errors: PathErrors): Promise<PathGuard> {
    return new PathGuard(bounds, errors, await ownFiles(bounds.own, bounds.ownIdentities));
  }

  /**
   * Returns where an existing file or directory is, and what it is.
   *
   * @throws PathErrors `badPath`, `homePath`, `outside`, `missing`, `ownFile`, `failed`
   * @throws RemoteExecError `invalid_argument` for a `..` component
   */
  async resolve(path: string): Promise<CheckedPath> {
    const real = await Deno.realPath(this.#absolute(path)).catch((error) => {
      if (isMissing(error)) throw this.#errors.missing(path);
      throw this.#errors.failed("read", path, error);
    });
    const info = await this.#check(real, path);
    if (info === undefined) throw this.#errors.changed(path);
    return { real, info };
  }

  /** Opens a regular file for reading. @throws what `resolve()` and `openResolved()` throw */
  async open(path: string): Promise<LocalFile> {
    const { real, info } = await this.resolve(path);
    return await this.openResolved(real, { shown: path, checked: info });
  }

  /**
   * Opens a regular file by its resolved path, and proves that the opened file is the checked one.
   *
   * @param shown the path for error messages
   * @param checked what was at the path when it was checked; what is there now if left out
   * @param within directories that the file must be in; the roots if left out
   * @throws PathErrors `changed`, `notAFile`, `ownFile`, `failed`
   */
  async openResolved(
    real: string,
    { shown = real, checked, within = this.#bounds.roots }: OpenOptions = {},
  ): Promise<LocalFile> {
    checked ??= await Deno.lstat(real).catch(this.#replaced(shown));
    if (checked.isSymlink) throw this.#errors.changed(shown);
    // Before opening, because opening alone starts some devices.
    if (!checked.isFile) throw this.#errors.notAFile(shown, kindOf(checked));
    const file = await LocalFile.open(real).catch(this.#replaced(shown));
    try {
      const opened = file.facts();
      // Synchronous, so that no other work runs between these two.
      const place = Deno.realPathSync(real);
      const found = Deno.lstatSync(place);
      const isSame = isSameFile(checked, opened) && isSameFile(found, opened);
      const isWithin = within.some((directory) => isInside(directory, place));
      if (!opened.isFile || !isSame || !isWithin) throw this.#errors.changed(shown);
      if (this.isOwn(place, opened)) throw this.#errors.ownFile(shown);
      return file;
    } catch (error) {
      file.close();
      throw isMissing(error) ? this.#errors.changed(shown) : error;
    }
  }

  /**
   * Returns the path without links at which a file may be written, and creates missing directories. A
   * link as last part is kept: its target is what will be replaced.
   *
   * @throws PathErrors `badPath`, `homePath`, `outside`, `ownFile`, `notAFile`, `failed`
   * @throws RemoteExecError `invalid_argument` for a `..` component
   */
  async resolveTarget(path: string): Promise<{ target: string; old: Deno.FileInfo | undefined }> {
    const wanted = this.#absolute(path);
    if (this.#bounds.roots.includes(wanted)) throw this.#errors.notAFile(path, "directory");
    const named = join(await this.#parent(dirname(wanted), path), basename(wanted));
    const info = await this.#inspect(named, path);
    const target = info?.isSymlink ? await this.#behind(named, path) : named;
    await this.#check(target, path);
    const old = await this.#inspect(target, path);
    if (old && !old.isFile) throw this.#errors.notAFile(path, kindOf(old));
    return { target, old };
  }

  /**
   * Returns the path without links of a directory in which files may be written, and creates it if it does
   * not exist.
   *
   * @throws PathErrors `badPath`, `homePath`, `outside`, `ownFile`, `failed`
   * @throws RemoteExecError `invalid_argument` for a `..` component
   */
  async makeDirectory(path: string): Promise<string> {
    return await this.#parent(this.#absolute(path), path);
  }

  /**
   * Creates a new file by a resolved path, and proves that no directory of the path became a link.
   *
   * @param shown the path for error messages
   * @param mode permission bits; the umask's if left out
   * @throws PathErrors `changed`, `failed`
   */
  async createResolved(real: string, shown: string, mode?: number): Promise<Deno.FsFile> {
    const options = { write: true, read: true, createNew: true };
    const file = await Deno.open(real, mode === undefined ? options : { ...options, mode })
      .catch((error) => {
        throw this.#errors.failed("write", shown, error);
      });
    try {
      const place = await Deno.realPath(real);
      const isSame = isSameFile(await Deno.lstat(place), await file.stat());
      if (!isSame || dirname(place) !== dirname(real)) throw this.#errors.changed(shown);
      return file;
    } catch (error) {
      file.close();
      await Deno.remove(real).catch(() => {});
      throw isMissing(error) ? this.#errors.changed(shown) : error;
    }
  }

  /**
   * Does the same as {@linkcode createResolved} without an `await`, for many small files: each `await`
   * costs a switch of threads. Only the owner may read the file.
   *
   * @returns the descriptor, which the caller closes, and what the new file is
   * @throws PathErrors `changed`, `failed`
   */
  createResolvedSync(real: string, shown: string): { descriptor: number; info: Stats } {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    let descriptor: number;
    try {
      descriptor = openSync(real, flags, 0o600);
    } catch (error) {
      throw this.#errors.failed("write", shown, asDenoError(error));
    }
    try {
      const info = fstatSync(descriptor);
      const place = Deno.realPathSync(real);
      const isSame = isSameFile(Deno.lstatSync(place), info);
      if (!isSame || dirname(place) !== dirname(real)) throw this.#errors.changed(shown);
      return { descriptor, info };
    } catch (error) {
      closeSync(descriptor);
      removeQuietly(real);
      throw isMissing(error) ? this.#errors.changed(shown) : error;
    }
  }

  /** Refuses a path outside before it is looked at, so that the error reports nothing about it. */
  #absolute(path: string): string {
    if (path === "" || path.includes("\0")) throw this.#errors.badPath(path);
    if (/^~([/\\]|$)/.test(path)) throw this.#errors.homePath(path);
    if (path.split(/[/\\]/).includes("..")) throw traversal();
    const { roots: [first = "/"], aliases } = this.#bounds;
    const wanted = withoutAlias(isAbsolute(path) ? resolve(path) : resolve(first, path), aliases);
    if (!this.#isAllowed(wanted)) throw this.#errors.outside(path);
    return wanted;
  }

  #isAllowed(real: string): boolean {
    return this.#bounds.roots.some((root) => isInside(root, real));
  }

  async #check(real: string, path: string): Promise<Deno.FileInfo | undefined> {
    if (!this.#isAllowed(real)) throw this.#errors.outside(path);
    const info = await Deno.lstat(real).catch(() => undefined);
    if (this.isOwn(real, info)) throw this.#errors.ownFile(path);
    return info;
  }

  /** Returns the real directory of a file to be written. */
  async #parent(directory: string, path: string): Promise<string> {
    let existing = directory;
    while (!(await this.#inspect(existing, path))) existing = dirname(existing);
    const failed = (error: unknown) => {
      throw this.#errors.failed("write", path, error);
    };
    const real = await Deno.realPath(existing).catch(failed);
    const wanted = join(real, directory.slice(existing.length));
    await this.#check(wanted, path);
    await Deno.mkdir(wanted, { recursive: true }).catch(failed);
    // A directory may have been replaced by a link since the check.
    const made = await Deno.realPath(wanted).catch(failed);
    await this.#check(made, path);
    return made;
  }

  async #behind(link: string, path: string): Promise<string> {
    return await Deno.realPath(link).catch(() => {
      throw this.#errors.outside(path);
    });
  }

  async #inspect(path: string, shown: string): Promise<Deno.FileInfo | undefined> {
    try {
      return await Deno.lstat(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw this.#errors.failed("inspect", shown, error);
    }
  }

  #replaced(shown: string): (error: unknown) => never {
    return (error) => {
      if (isMissing(error)) throw this.#errors.changed(shown);
      throw this.#errors.failed("read", shown, error);
    };
  }
}

/** Removes a file that may be gone. */
function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It was replaced; the program that did that has it.
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
  error instanceof Deno.errors.FilesystemLoop;

const kindOf = ({ isDirectory }: Deno.FileInfo) => isDirectory ? "directory" : "special file";

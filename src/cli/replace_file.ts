import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { errorText, printable, RemoteExecError } from "../errors.ts";

/** What {@linkcode replaceFile} needs to know. */
export interface Replacement {
  readonly path: string;
  readonly text: string;
  /** The text that was read; undefined if there was no file. The file is not replaced if it has changed since. */
  readonly before: string | undefined;
  /** Keeps the old file under a name of its own. */
  readonly keepsOld?: boolean;
  /** The mode of a new file. */
  readonly mode?: number;
}

/**
 * Replaces a file, or creates it with its directory, in one step: a reader sees the old text or the new one.
 * Mode and owner stay; a symbolic link stays and its target is replaced.
 *
 * @returns the path of the kept old file, if there is one
 * @throws RemoteExecError `io_error` if it cannot be written, `changed` if another program has changed the file
 */
export function replaceFile(
  { path, text, before, keepsOld, mode = 0o600 }: Replacement,
): string | undefined {
  try {
    if (before === undefined) Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const real = before === undefined ? path : Deno.realPathSync(path);
    const info = before === undefined ? undefined : Deno.statSync(real);
    const access: Access = {
      mode: info?.mode === undefined || info.mode === null ? mode : info.mode & 0o777,
      uid: info?.uid ?? undefined,
      gid: info?.gid ?? undefined,
    };
    const kept = keepsOld && before !== undefined ? keep(real, before, access) : undefined;
    exchange(real, text, before, access);
    return kept;
  } catch (error) {
    if (error instanceof RemoteExecError) throw error;
    throw new RemoteExecError(
      "io_error",
      `Cannot write ${printable(path)}: ${printable(errorText(error))}`,
      "Make the file and its directory writable for this user, and check that the disk is not full",
      { cause: error },
    );
  }
}

/** Returns the text of a file; undefined if it does not exist. @throws RemoteExecError `io_error` */
export function readIfExists(path: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Deno.readFileSync(path),
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && !isLink(path)) return undefined;
    const reason = error instanceof TypeError ? "it is not UTF-8 text" : errorText(error);
    throw new RemoteExecError(
      "io_error",
      `Cannot read ${printable(path)}: ${printable(reason)}`,
      "Make it a readable file of UTF-8 text",
      { cause: error },
    );
  }
}

interface Access {
  readonly mode: number;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}

function keep(path: string, text: string, access: Access): string {
  const stamp = new Date().toISOString().replace(/\.\d+Z$/, "").replace(/[-:]/g, "");
  for (let number = 0;; number++) {
    const name = `${path}.${stamp}${number === 0 ? "" : `-${number}`}.bak`;
    try {
      create(name, text, access);
      return name;
    } catch (error) {
      const isTaken = error instanceof Error && "code" in error && error.code === "EEXIST";
      if (!isTaken || number >= 100) throw error;
    }
  }
}

function exchange(path: string, text: string, before: string | undefined, access: Access): void {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    create(temporary, text, access);
    if (readIfExists(path) !== before) throw changed(path);
    Deno.renameSync(temporary, path);
  } catch (error) {
    removeIfExists(temporary);
    throw error;
  }
}

/** Works with the opened file: in a directory of another user, its path may lead to another one meanwhile. */
function create(path: string, text: string, { mode, uid, gid }: Access): void {
  const file = openSync(path, "wx", mode);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
    if (Deno.build.os === "windows") return;
    const own = fstatSync(file);
    if (uid !== undefined && gid !== undefined && (own.uid !== uid || own.gid !== gid)) {
      chown(file, uid, gid);
    }
    // The umask may have removed bits.
    fchmodSync(file, mode);
  } finally {
    closeSync(file);
  }
}

/** Only root can give a file away, which is what it must do with a file of another user. */
function chown(file: number, uid: number, gid: number): void {
  try {
    fchownSync(file, uid, gid);
  } catch (error) {
    if (fstatSync(file).uid !== uid) throw error;
  }
}

function removeIfExists(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It was not created, or the error that is thrown already says what is wrong.
  }
}

const changed = (path: string): RemoteExecError =>
  new RemoteExecError(
    "changed",
    `${printable(path)} was changed by another program at the same moment`,
    "Run the command again",
  );

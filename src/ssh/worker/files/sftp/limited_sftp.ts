/** Requests with a second way, for hosts that refuse some of them (`sftp-server -P`, special file systems). */
import { posix } from "node:path";
// @ts-types="@types/ssh2"
import type { Attributes } from "ssh2";
import { errorText } from "../../../../errors.ts";
import type { Sftp } from "./sftp.ts";
import { temporaryName } from "../temporary_files.ts";

const NO_SUCH_FILE = 2;
const PERMISSION_DENIED = 3;
const UNSUPPORTED = 8;
const FAILURE = 4;

/** The SFTP status of an error, if the host sent one. */
export const statusOf = (error: unknown): unknown => (error as { code?: unknown }).code;

/** Reports whether the host denied or does not know a request. */
export const isRefused = (error: unknown): boolean =>
  [PERMISSION_DENIED, UNSUPPORTED].includes(Number(statusOf(error))) ||
  /does not support|unsupported/i.test(errorText(error));

/** Returns what is at a path; links are followed. */
export async function statPath(sftp: Sftp, path: string): Promise<Attributes> {
  return await sftp.stat(path).catch(async (error) => {
    if (!isRefused(error)) throw error;
    return await sftp.realPath(path).then((real) => sftp.lstat(real)).catch((second) => {
      throw isRefused(second) ? error : second;
    });
  });
}

/** Returns what is at a path; a link is not followed. */
export async function lstatPath(sftp: Sftp, path: string): Promise<Attributes> {
  return await sftp.lstat(path).catch(async (error) => {
    if (!isRefused(error)) throw error;
    const isLink = await sftp.readLink(path).then(() => true, () => false);
    return isLink ? LINK : await sftp.stat(path);
  });
}

/** What is known about a link that only READLINK reports. */
const LINK: Attributes = { mode: 0o120777, uid: 0, gid: 0, size: 0, atime: 0, mtime: 0 };

/** Returns the attributes of an open file. */
export async function statHandle(
  sftp: Sftp,
  handle: Uint8Array,
  path: string,
): Promise<Attributes> {
  return await sftp.fstat(handle).catch(async (error) => {
    if (!isRefused(error)) throw error;
    return await statPath(sftp, path);
  });
}

/** Converts a relative path to an absolute one, if the host says where it starts. */
export async function absolutePath(sftp: Sftp, path: string): Promise<string> {
  if (posix.isAbsolute(path)) return path;
  const start = await sftp.realPath(".").catch(() => undefined);
  return start === undefined ? path : posix.join(start, path);
}

/** Reports whether the host allows files to be removed, without removing one. @param unused a new name */
export const mayRemove = (sftp: Sftp, unused: string): Promise<boolean> =>
  sftp.remove(unused).then(() => true, (error) => !isRefused(error));

/**
 * Sets the mode of an open file and closes it. Some file systems accept only one mode, and some ignore
 * the request.
 *
 * @returns the mode that the file has instead, if the wanted one could not be set
 */
export async function setModeAndClose(
  sftp: Sftp,
  handle: Uint8Array,
  path: string,
  mode: number,
): Promise<number | undefined> {
  const [isSet, info] = await Promise.all([
    sftp.fsetstat(handle, { mode }).then(() => true, () => false),
    sftp.fstat(handle).catch(() => undefined),
    sftp.close(handle),
  ]);
  if (isSet && hasMode(info, mode)) return undefined;
  const byName = await sftp.setstat(path, { mode }).then(() => true, () => false);
  const found = await statPath(sftp, path).catch(() => undefined);
  return (isSet || byName) && hasMode(found, mode) ? undefined : (found?.mode ?? 0) & 0o7777;
}

/** Also true if the host does not report modes. */
const hasMode = (info: Attributes | undefined, mode: number): boolean =>
  info === undefined || info.mode === 0 || (info.mode & 0o7777) === mode;

/** Renames a file to an unused name. Returns false if the name is taken. */
export async function nameNew(
  sftp: Sftp,
  from: string,
  to: string,
): Promise<boolean> {
  try {
    await sftp.rename(from, to);
    return true;
  } catch (error) {
    if (await lstatPath(sftp, to).then(() => true, () => false)) return false;
    // OpenSSH renames with link(2), which a file system may refuse with any error.
    if (!isRefused(error) && statusOf(error) !== FAILURE) throw error;
    const unused = posix.join(posix.dirname(to), temporaryName(posix.basename(to)));
    const linked = await mayRemove(sftp, unused) &&
      await sftp.hardLink(from, to).then(() => true, () => false);
    if (linked) await sftp.remove(from);
    else await sftp.replace(from, to).catch(() => Promise.reject(error));
    return true;
  }
}

/** Replaces `to` atomically if the host has the extension; otherwise the old file is moved aside first. */
export async function replace(sftp: Sftp, from: string, to: string): Promise<void> {
  const failure: unknown = await sftp.replace(from, to).then(() => undefined, (error) => error);
  if (failure === undefined) return;
  if (!isRefused(failure)) throw failure;
  const aside = posix.join(posix.dirname(to), temporaryName(posix.basename(to), "old"));
  const moved = await sftp.rename(to, aside).then(() => true, () => false);
  try {
    await sftp.rename(from, to);
  } catch (error) {
    if (moved) await sftp.rename(aside, to).catch(() => {});
    throw statusOf(failure) === PERMISSION_DENIED ? failure : error;
  }
  if (moved) await sftp.remove(aside).catch(() => {});
}

/** Reports whether an error says that the path does not exist. */
export const isMissing = (error: unknown): boolean => statusOf(error) === NO_SUCH_FILE;

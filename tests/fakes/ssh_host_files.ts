import * as fs from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { type SftpAttributes, STATUS } from "./ssh_host_sftp_wire.ts";

/** Thrown to answer a request with this status. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`SFTP status ${status}`);
    this.status = status;
  }
}

/** The status of a failed system call. Source: OpenSSH 9.2 sftp-server.c, `errno_to_portable`. */
export function statusOf(error: unknown): number {
  if (error instanceof Refusal) return error.status;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (["ENOENT", "ENOTDIR", "EBADF", "ELOOP"].includes(code)) return STATUS.NO_SUCH_FILE;
  if (["EPERM", "EACCES", "EFAULT"].includes(code)) return STATUS.PERMISSION_DENIED;
  if (["ENAMETOOLONG", "EINVAL"].includes(code)) return STATUS.BAD_MESSAGE;
  return code === "ENOSYS" ? STATUS.OP_UNSUPPORTED : STATUS.FAILURE;
}

/** Joined as text, because the kernel must resolve `link/..`. */
export const absolute = (directory: string, path: string): string =>
  path === "" || path.startsWith("/") ? path : `${directory}/${path}`;

/** Converts the flags of an OPEN request to those of open(2). */
export function systemFlags(flags: number): number {
  const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = fs.constants;
  const access = (flags & 3) === 3 ? O_RDWR : (flags & 2) === 2 ? O_WRONLY : O_RDONLY;
  const extra = [[4, O_APPEND], [8, O_CREAT], [16, O_TRUNC], [32, O_EXCL]] as const;
  return extra.reduce((all, [wire, system]) => (flags & wire) === 0 ? all : all | system, access);
}

export function makeDirectory(path: string, { mode }: SftpAttributes): void {
  fs.mkdirSync(path, (mode ?? 0o777) & 0o7777 & ~0o022);
}

export function setPathAttributes(path: string, attributes: SftpAttributes): void {
  const { size, mode, times, owner } = attributes;
  if (size !== undefined) fs.truncateSync(path, size);
  if (mode !== undefined) fs.chmodSync(path, mode & 0o7777);
  if (times !== undefined) fs.utimesSync(path, times.atime, times.mtime);
  if (owner !== undefined) fs.chownSync(path, owner.uid, owner.gid);
}

export function setFileAttributes(fd: number, attributes: SftpAttributes): void {
  const { size, mode, times, owner } = attributes;
  if (size !== undefined) fs.ftruncateSync(fd, size);
  if (mode !== undefined) fs.fchmodSync(fd, mode & 0o7777);
  if (times !== undefined) fs.futimesSync(fd, times.atime, times.mtime);
  if (owner !== undefined) fs.fchownSync(fd, owner.uid, owner.gid);
}

/** `unlinkSync()` of Deno 2.9.4 removes an empty directory too; unlink(2) answers EISDIR. */
export function removeFile(path: string): void {
  if (fs.lstatSync(path).isDirectory()) throw new Refusal(STATUS.FAILURE);
  fs.unlinkSync(path);
}

/**
 * RENAME like OpenSSH: never onto an existing name. Regular files are renamed by link and
 * unlink, so that no other process can interfere. Source: sftp-server.c, `process_rename`.
 */
export function renameWithoutReplacing(from: string, to: string): void {
  if (fs.lstatSync(from).isFile()) {
    fs.linkSync(from, to);
    fs.unlinkSync(from);
    return;
  }
  if (fs.statSync(to, { throwIfNoEntry: false }) !== undefined) throw new Refusal(STATUS.FAILURE);
  fs.renameSync(from, to);
}

/**
 * Returns the path without links and dots. Its last name need not exist, as in OpenSSH's own
 * `sftp_realpath`; a dangling link resolves to the name it points to.
 */
export function realPath(path: string, depth = 0): string {
  try {
    return fs.realpathSync(path);
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (!isMissing || depth > 40) throw error;
    const parent = fs.realpathSync(dirname(path));
    const whole = resolve(parent, basename(path));
    const isLink = fs.lstatSync(whole, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    return isLink ? realPath(resolve(parent, fs.readlinkSync(whole)), depth + 1) : whole;
  }
}

/** Fields of a statvfs reply in their order. */
export function diskFields(path: string): number[] {
  const disk = fs.statfsSync(path);
  const { bsize, blocks, bfree, bavail, files, ffree } = disk;
  return [bsize, bsize, blocks, bfree, bavail, files, ffree, ffree, 0, 0, 255];
}

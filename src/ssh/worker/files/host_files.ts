import type { ByteRange } from "../../files_port.ts";
import type { FileFacts } from "../../port.ts";
import { remoteFileError, tooLarge } from "../../errors.ts";
import { checkRemotePath, missingOr, requireFile } from "./remote_file_errors.ts";
import type { GrowingHash } from "./shell/growing_hash.ts";
import { absolutePath, statHandle, statPath } from "./sftp/limited_sftp.ts";
import { fileKind, type Sftp } from "./sftp/sftp.ts";
import type { Source } from "./source_sink.ts";

/** The SFTP session for files on the host, and what else their connection provides. */
export interface HostAccess {
  readonly sftp: Sftp;
  /** Returns the sha256 of a file's first `size` bytes, computed on the host; undefined if it has no tool. */
  hash(path: string, size: number): Promise<string | undefined>;
  /** Hashes a file while it is written; undefined if it should be hashed afterwards. */
  growingHash(path: string): GrowingHash | undefined;
  /** Resolves to whether a command of the server's own may run on the host. */
  mayRun(): Promise<boolean>;
  /** Has the guard remove a file if the connection ends. */
  keep(path: string): void;
  /** Cancels `keep`. */
  drop(path: string): void;
  /** Resolves to false if there is no guard; abandoned files are then removed by age. */
  isGuarded(): Promise<boolean>;
}

/**
 * Converts a path to SFTP's form. Relative paths and `~` start at the login directory.
 *
 * @throws RemoteExecError `invalid_argument` for an empty path, NUL or a `..` component
 */
export function hostPath(path: string): string {
  checkRemotePath(path);
  if (path === "~") return ".";
  return path.startsWith("~/") ? path.slice(2).replace(/^\/+/, "") || "." : path;
}

/** Returns what is at a path; links are followed. @throws RemoteExecError `not_found`, … */
export async function hostFacts({ sftp }: HostAccess, path: string): Promise<FileFacts> {
  const wanted = hostPath(path);
  const [info, real] = await Promise.all([
    statPath(sftp, wanted).catch((error) => {
      throw missingOr("inspect", path, error);
    }),
    sftp.realPath(wanted).catch(() => wanted),
  ]);
  const kind = fileKind(info.mode);
  return {
    kind: kind === "file" || kind === "directory" ? kind : "other",
    size: info.size,
    mtimeMs: info.mtime * 1000,
    mode: info.mode & 0o7777,
    path: real,
  };
}

/** Opens a regular file on the host, or a part of it. */
export async function openHostSource(
  access: HostAccess,
  path: string,
  maxBytes: number,
  range?: ByteRange,
): Promise<Source> {
  const { sftp } = access;
  const wanted = hostPath(path);
  // Checked before opening, because opening a FIFO waits for a writer.
  requireFile(
    path,
    await statPath(sftp, wanted).catch((error) => {
      throw missingOr("read", path, error);
    }),
  );
  const handle = await sftp.open(wanted, "r").catch((error) => {
    throw missingOr("read", path, error);
  });
  try {
    const info = await statHandle(sftp, handle, wanted);
    requireFile(path, info);
    if (info.size > maxBytes) throw tooLarge("Remote file", info.size, maxBytes);
    // Files in /proc report size 0 but have content, so they are read to their end.
    const size = info.size === 0 ? undefined : info.size;
    const start = range?.start ?? 0;
    const end = Math.min(range?.end ?? Infinity, size ?? maxBytes + 1);
    return {
      size: range === undefined ? size : Math.max(0, end - start),
      path,
      sizeNow: async () => (await statHandle(sftp, handle, wanted)).size,
      chunks: () => withReadErrors(sftp.read(handle, end, start), path),
      remoteSha256: async (length) =>
        size === undefined || range !== undefined
          ? undefined
          : await access.hash(await absolutePath(sftp, wanted), length),
      close: () => sftp.close(handle).catch(() => {}),
    };
  } catch (error) {
    await sftp.close(handle).catch(() => {});
    throw remoteFileError("read", path, error);
  }
}

/** Passes the chunks on and converts read errors. */
async function* withReadErrors(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    throw remoteFileError("read", path, error);
  }
}

import type { ByteRange } from "../../files_port.ts";
import type { FileFacts } from "../../port.ts";
import { remoteFileError, tooLarge } from "../../errors.ts";
import { checkRemotePath, missingOr, requireFile } from "./remote_file_errors.ts";
import { fileKind, type Sftp } from "./sftp.ts";
import type { Source } from "./source_sink.ts";

/** What host files need of their connection besides SFTP. */
export interface HostHelp {
  readonly sftp: Sftp;
  /** sha256 of a file's first bytes as the host computes it; undefined when it has no tool. */
  hash(path: string, size: number): Promise<string | undefined>;
  /** Has a left-over removed should the connection end. */
  keep(path: string): void;
  drop(path: string): void;
  /** Does that really happen? Otherwise left-overs are removed by their age. */
  isGuarded(): Promise<boolean>;
}

/**
 * A path of the host as SFTP takes it: relative ones start at the login directory, and so does `~`.
 *
 * @throws RemoteExecError `invalid_argument` for an empty path, NUL or a `..` component
 */
export function hostPath(path: string): string {
  checkRemotePath(path);
  if (path === "~") return ".";
  return path.startsWith("~/") ? path.slice(2).replace(/^\/+/, "") || "." : path;
}

/** What stands at a path; links are followed. @throws RemoteExecError `not_found`, … */
export async function hostFacts({ sftp }: HostHelp, path: string): Promise<FileFacts> {
  const wanted = hostPath(path);
  const [info, real] = await Promise.all([
    sftp.stat(wanted).catch((error) => {
      throw missingOr("look at", path, error);
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

/** Opens a regular file of the host. */
export async function openHostSource(
  help: HostHelp,
  path: string,
  maxBytes: number,
  range?: ByteRange,
): Promise<Source> {
  const { sftp } = help;
  const wanted = hostPath(path);
  // Before opening: a FIFO would wait for a writer for ever.
  requireFile(
    path,
    await sftp.stat(wanted).catch((error) => {
      throw missingOr("read", path, error);
    }),
  );
  const handle = await sftp.open(wanted, "r").catch((error) => {
    throw missingOr("read", path, error);
  });
  try {
    const info = await sftp.fstat(handle);
    requireFile(path, info);
    if (info.size > maxBytes) throw tooLarge("Remote file", info.size, maxBytes);
    // A size of 0 with content is what /proc tells; such a file is read to its end.
    const size = info.size === 0 ? undefined : info.size;
    const start = range?.start ?? 0;
    const end = Math.min(range?.end ?? Infinity, size ?? maxBytes + 1);
    return {
      size: range === undefined ? size : Math.max(0, end - start),
      path,
      chunks: () => explained(sftp.read(handle, end, start), path),
      remoteSha256: (length) =>
        size === undefined || range !== undefined
          ? Promise.resolve(undefined)
          : help.hash(wanted, length),
      close: () => sftp.close(handle).catch(() => {}),
    };
  } catch (error) {
    await sftp.close(handle).catch(() => {});
    throw remoteFileError("read", path, error);
  }
}

/** The chunks; what the host says when it cannot give one is told as it should be. */
async function* explained(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    throw remoteFileError("read", path, error);
  }
}

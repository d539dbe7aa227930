import { printable, RemoteExecError } from "../../../../errors.ts";
import type { FileContent } from "../../../text/port.ts";
import { type HostAccess, openHostSource } from "../host_files.ts";
import type { ShellEndpoint } from "../remote_file_errors.ts";
import { openShellSource, type Start } from "../shell/shell_files.ts";
import { sha256, type Source } from "../source_sink.ts";
import { tooLarge } from "../../../errors.ts";

/** Reads a complete file with one command, and compares it with the hash that the host computed. */
export const shellContent = async (
  start: Start,
  end: ShellEndpoint,
  maxBytes: number,
): Promise<FileContent> => await collect(await openShellSource(start, end, maxBytes), maxBytes);

/** Reads a complete file over SFTP. */
export const sftpContent = async (
  access: HostAccess,
  path: string,
  maxBytes: number,
): Promise<FileContent> => await collect(await openHostSource(access, path, maxBytes), maxBytes);

async function collect(source: Source, maxBytes: number): Promise<FileContent> {
  try {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    const hash = sha256();
    let length = 0;
    for await (const chunk of source.chunks()) {
      length += chunk.length;
      if (length > maxBytes) throw tooLarge("Remote file", length, maxBytes);
      hash.update(chunk);
      parts.push(chunk.slice()); // the source reuses its buffers
    }
    await requireComplete(source, length);
    const digest = hash.digest("hex");
    const seen = source.size === undefined ? undefined : await source.remoteSha256?.(length);
    if (seen !== undefined && seen !== digest) throw changedWhileRead(source.path);
    return { bytes: new Uint8Array(await new Blob(parts).arrayBuffer()), sha256: digest };
  } finally {
    await source.close();
  }
}

/** After sending the bytes, the host opens the file again to hash it. Another file may have replaced it by then. */
const changedWhileRead = (path: string) =>
  new RemoteExecError(
    "changed",
    `${
      printable(path)
    } changed while it was read: its sha256 is different now; nothing was written`,
    "Read it again with ssh_read_file, then repeat the change on its current content",
  );

/** Files of /sys have less than they report, and go on reporting it. */
async function requireComplete({ size, path, sizeNow }: Source, length: number): Promise<void> {
  if (size === undefined || length >= size || await sizeNow?.() === size) return;
  throw new RemoteExecError(
    "io_error",
    `${
      printable(path)
    } ended after ${length} of ${size} bytes: the connection was lost, or the file shrank`,
    "Try again",
  );
}

/** Returns the sha256 of a file over SFTP, read without keeping it: it may be of any size. */
export async function sftpSha256(
  access: HostAccess,
  path: string,
  signal: AbortSignal,
): Promise<string> {
  const source = await openHostSource(access, path, Number.MAX_SAFE_INTEGER);
  try {
    const hash = sha256();
    let length = 0;
    for await (const chunk of source.chunks()) {
      signal.throwIfAborted();
      length += chunk.length;
      hash.update(chunk);
    }
    await requireComplete(source, length);
    return hash.digest("hex");
  } finally {
    await source.close();
  }
}

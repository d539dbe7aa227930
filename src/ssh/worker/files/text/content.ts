import { verificationFailed } from "../../../errors.ts";
import type { FileContent } from "../../../text/port.ts";
import { type HostAccess, openHostSource } from "../host_files.ts";
import type { ShellEndpoint } from "../remote_file_errors.ts";
import { openShellSource, type Start } from "../shell_files.ts";
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
    const digest = hash.digest("hex");
    const seen = source.size === undefined ? undefined : await source.remoteSha256?.(length);
    if (seen !== undefined && seen !== digest) {
      throw verificationFailed(source.path, `sha256 ${digest} instead of ${seen}`);
    }
    return { bytes: new Uint8Array(await new Blob(parts).arrayBuffer()), sha256: digest };
  } finally {
    await source.close();
  }
}

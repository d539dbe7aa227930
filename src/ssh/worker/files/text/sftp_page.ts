import { recognize, SAMPLE_BYTES } from "../../../text/encoding.ts";
import { tooLarge } from "../../../errors.ts";
import type { PageRequest, TextPage } from "../../../text/port.ts";
import { type HostAccess, openHostSource } from "../host_files.ts";
import { statPath } from "../sftp/limited_sftp.ts";
import { missingOr } from "../remote_file_errors.ts";
import { sftpContent } from "./content.ts";
import { pageBytes, type PageFacts, pageOfContent, pageOfLines } from "./text_page.ts";

/**
 * Reads a page over SFTP. Without commands, a line in the middle of a large file is only found by reading
 * everything before it; its last lines and its first ones are read alone.
 */
export async function sftpPage(
  access: HostAccess,
  path: string,
  request: PageRequest,
  signal: AbortSignal,
): Promise<TextPage> {
  const info = await statPath(access.sftp, path).catch((error) => {
    throw missingOr("read", path, error);
  });
  const facts: PageFacts = {
    size: info.size,
    mode: info.mode & 0o7777,
    owner: info.uid === undefined ? null : String(info.uid),
    mtimeMs: info.mtime * 1000,
  };
  if (info.size <= request.maxBytes) {
    const { bytes } = await sftpContent(access, path, request.maxBytes);
    return pageOfContent(request, { ...facts, size: bytes.length }, bytes);
  }
  const sample = await bytesOf(access, path, 0, SAMPLE_BYTES);
  if (recognize(sample).startsWith("utf-16")) {
    throw tooLarge("Remote file", info.size, request.maxBytes);
  }
  const length = pageBytes(request);
  const start = request.tailLines === undefined
    ? await lineOffset(access, path, request.fromLine, signal)
    : info.size - length;
  const lines = await bytesOf(access, path, Math.max(0, start), Math.max(0, start) + length);
  const header = { ...facts, sampleBytes: sample.length };
  return pageOfLines(request, { ...UNKNOWN, ...header }, sample, lines);
}

const UNKNOWN = {
  lines: undefined,
  returns: undefined,
  isUtf8: undefined,
  endsInLineFeed: undefined,
  sha256: undefined,
};

async function bytesOf(
  access: HostAccess,
  path: string,
  start: number,
  end: number,
): Promise<Uint8Array> {
  const source = await openHostSource(access, path, Number.MAX_SAFE_INTEGER, { start, end });
  try {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for await (const chunk of source.chunks()) parts.push(chunk.slice());
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  } finally {
    await source.close();
  }
}

/** Returns where a line begins; the file's size for a line behind its end. */
async function lineOffset(
  access: HostAccess,
  path: string,
  line: number,
  signal: AbortSignal,
): Promise<number> {
  if (line === 1) return 0;
  const source = await openHostSource(access, path, Number.MAX_SAFE_INTEGER);
  try {
    let [left, offset] = [line - 1, 0];
    for await (const chunk of source.chunks()) {
      signal.throwIfAborted();
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) {
        if (--left === 0) return offset + at + 1;
      }
      offset += chunk.length;
    }
    return offset;
  } finally {
    await source.close();
  }
}

import { recognize } from "../../../text/encoding.ts";
import type { PageRequest, TextPage } from "../../../text/port.ts";
import { type ShellEndpoint, shellFileError } from "../remote_file_errors.ts";
import { absolutePath, readReply, requireEnd, run, type Start } from "../shell_files.ts";
import type { CommandStream } from "../../commands/command_stream.ts";
import { shellContent } from "./content.ts";
import { type PageHeader, pageScript, parsePageHeader } from "./text_scripts.ts";
import { askedLines, pageBytes, pageOfContent, pageOfLines } from "./text_page.ts";

/** Reads a page with one command; a UTF-16 file, in which a host finds no lines, completely. */
export async function shellPage(
  start: Start,
  end: ShellEndpoint,
  request: PageRequest,
): Promise<TextPage> {
  const { fromLine, tailLines, maxBytes } = request;
  const stream = await run(
    start,
    end,
    pageScript({
      path: absolutePath(end),
      fromLine,
      lines: askedLines(request),
      tailLines: tailLines === undefined ? undefined : Math.min(tailLines, request.maxCharacters),
      pageBytes: pageBytes(request),
      countBytes: maxBytes,
    }),
  );
  // Its stdin is not closed: that would be one more turn on the wire.
  try {
    const line = await readReply(stream, end);
    const header = parsePageHeader(line);
    if (header === undefined) throw shellFileError(line, end, maxBytes);
    const sample = await take(stream, header.sampleBytes);
    if (isUtf16(sample)) return await wholePage(start, end, request, header);
    const lines = await take(stream, pageBytes(request));
    if (lines.length < pageBytes(request)) await requireEnd(stream, end);
    return pageOfLines(request, header, sample, lines);
  } finally {
    await stream.close();
  }
}

async function wholePage(
  start: Start,
  end: ShellEndpoint,
  request: PageRequest,
  { mode, owner, mtimeMs }: PageHeader,
): Promise<TextPage> {
  const { bytes } = await shellContent(start, end, request.maxBytes);
  return pageOfContent(request, { size: bytes.length, mode, owner, mtimeMs }, bytes);
}

const isUtf16 = (sample: Uint8Array): boolean => recognize(sample).startsWith("utf-16");

/** Returns the next bytes: fewer than `length` only at the end of output. */
async function take(stream: CommandStream, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const chunk = await stream.read(length - filled);
    if (chunk === undefined) break;
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return bytes.subarray(0, filled);
}

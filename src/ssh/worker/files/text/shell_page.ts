import { printable, RemoteExecError } from "../../../../errors.ts";
import { recognize } from "../../../text/encoding.ts";
import type { PageRequest, TextPage } from "../../../text/port.ts";
import { type ShellEndpoint, shellFileError } from "../remote_file_errors.ts";
import { absolutePath, endedEarly, readReply, run, type Start } from "../shell/shell_files.ts";
import type { CommandStream } from "../../commands/command_stream.ts";
import { shellContent } from "./content.ts";
import { EndMark } from "./end_mark.ts";
import { type PageHeader, pageScript, parsePageHeader } from "./text_scripts.ts";
import { askedLines, pageBytes, pageOfContent, pageOfLines } from "./text_page.ts";

/** Reads a page with one command; a UTF-16 file, in which a host finds no lines, completely. */
export async function shellPage(
  start: Start,
  end: ShellEndpoint,
  request: PageRequest,
): Promise<TextPage> {
  const { fromLine, tailLines, maxBytes } = request;
  const mark = new EndMark();
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
      printEnd: mark.print,
    }),
  );
  // Its stdin is not closed: that would be one more turn on the wire.
  try {
    const line = await readReply(stream, end);
    const header = parsePageHeader(line);
    if (header === undefined) throw shellFileError(line, end, maxBytes);
    const sample = await take(stream, end, header.sampleBytes);
    if (isUtf16(sample)) return await wholePage(start, end, request, header);
    const lines = await mark.read(stream, end, pageBytes(request));
    if (lines === undefined) throw tooLong(end);
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

const tooLong = ({ path }: ShellEndpoint) =>
  new RemoteExecError(
    "io_error",
    `The host sent more of ${printable(path)} than it was asked for`,
    "Check that head and tail of the host work",
  );

async function take(
  stream: CommandStream,
  end: ShellEndpoint,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length;) {
    const chunk = await stream.read(length - filled);
    if (chunk === undefined) throw await endedEarly(stream, end);
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return bytes;
}

import { createHash } from "node:crypto";
import { printable, RemoteExecError } from "../../../../errors.ts";
import {
  bomLength,
  decodeLatin1,
  decodeText,
  type Encoding,
  endingOf,
  isUtf8,
  lineEndingOf,
  recognize,
  SAMPLE_BYTES,
} from "../../../text/encoding.ts";
import { countLines, type CutLines, firstLines, lastLines, lineStart } from "../../../text/page.ts";
import type { PageRequest, TextPage } from "../../../text/port.ts";
import type { PageHeader } from "./text_scripts.ts";

/** The attributes of a file that a page reports. */
export type PageFacts = Pick<TextPage, "size" | "mode" | "owner" | "mtimeMs">;

/** Max bytes of a character in UTF-8. */
const MAX_CHARACTER_BYTES = 4;

/** Returns how many bytes surely contain all characters of a page, and one more. */
export const pageBytes = ({ maxCharacters }: PageRequest): number =>
  (maxCharacters + 1) * MAX_CHARACTER_BYTES;

/** Returns how many lines a host is asked for: one more than wanted shows whether more follow. */
export const askedLines = ({ lines = Infinity, maxCharacters }: PageRequest): number =>
  Math.min(lines, maxCharacters) + 1;

/** Makes a page of the bytes of its lines and of what a host has found out about the file. */
export function pageOfLines(
  request: PageRequest,
  header: PageHeader,
  sample: Uint8Array,
  lines: Uint8Array,
): TextPage {
  if (recognize(sample) !== "bytes") throw binaryFile(request.from.path, sample);
  const isFull = lines.length >= pageBytes(request);
  const isTail = request.tailLines !== undefined;
  const mark = bomLength(sample);
  const isFromStart = isTail ? lines.length === header.size : request.fromLine === 1;
  const bytes = trimmed(isFromStart ? lines.subarray(mark) : lines, isFull, isTail);
  const isUnicode = header.isUtf8 ??
    (isUtf8(sample, sample.length === SAMPLE_BYTES) && isUtf8(bytes));
  const encoding: Encoding = !isUnicode ? "latin-1" : mark > 0 ? "utf-8-bom" : "utf-8";
  const text = isUnicode
    ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)
    : decodeLatin1(isFromStart ? lines : bytes);
  const total = totalLines(header);
  const counted = {
    size: header.size,
    mode: header.mode,
    owner: header.owner,
    mtimeMs: header.mtimeMs,
    totalLines: total,
    sha256: header.sha256 ?? null,
    encoding,
    lineEnding: header.lines !== undefined && header.returns !== undefined
      ? endingOf(header.lines, header.returns)
      : lineEndingOf(text),
  };
  return isTail
    ? { ...counted, ...tailOf(request, text, isFull, total) }
    : { ...counted, ...partOf(request, text, isFull, total) };
}

/** Makes a page of a complete file; for encodings in which a host cannot find lines. */
export function pageOfContent(
  request: PageRequest,
  facts: PageFacts,
  content: Uint8Array,
): TextPage {
  const decoded = decodeText(content);
  if (decoded === undefined) throw binaryFile(request.from.path, content);
  const { text, encoding } = decoded;
  const total = countLines(text);
  const counted = {
    ...facts,
    totalLines: total,
    sha256: createHash("sha256").update(content).digest("hex"),
    encoding,
    lineEnding: lineEndingOf(text),
  };
  if (request.tailLines !== undefined) {
    return { ...counted, ...tailOf(request, text, false, total) };
  }
  const start = lineStart(text, request.fromLine);
  const part = start === undefined ? "" : text.slice(start);
  return { ...counted, ...partOf(request, part, false, total) };
}

type Part = Pick<
  TextPage,
  "text" | "firstLine" | "lastLine" | "isCut" | "hasCutLine" | "hasMore"
>;

/** @param text begins at the first line; @param isOpen it may end within a line */
function partOf(
  request: PageRequest,
  text: string,
  isOpen: boolean,
  total: number | null,
): Part {
  const { fromLine, lines = Infinity, maxCharacters } = request;
  if (text === "" && fromLine > 1) throw behindEnd(request, total);
  const cut = firstLines(text, { lines, maxCharacters }, isOpen);
  const lastLine = fromLine + cut.lines - 1;
  const seesMore = cut.text.length < text.length && !cut.hasCutLine ||
    countLines(text.slice(cut.text.length)) > 1;
  const hasMore = total !== null ? lastLine < total : seesMore || (isOpen ? null : false);
  return { ...shown(cut), firstLine: fromLine, lastLine, hasMore };
}

function tailOf(
  { tailLines = 1, maxCharacters }: PageRequest,
  text: string,
  isOpen: boolean,
  total: number | null,
): Part {
  const cut = lastLines(text, { lines: tailLines, maxCharacters }, isOpen);
  const firstLine = total === null ? null : total - cut.lines + 1;
  return { ...shown(cut), firstLine, lastLine: total, hasMore: false };
}

/** The client gets Unicode text: half of a surrogate pair would be no character. */
const shown = ({ text, isCut, hasCutLine }: CutLines) => ({
  text: text.toWellFormed(),
  isCut,
  hasCutLine,
});

function totalLines({ lines, size, endsInLineFeed }: PageHeader): number | null {
  if (lines === undefined) return null;
  return lines + (size > 0 && endsInLineFeed === false ? 1 : 0);
}

/** Removes the incomplete character at the end that was cut off, if it is UTF-8. */
function trimmed(bytes: Uint8Array, isFull: boolean, isTail: boolean): Uint8Array {
  if (!isFull) return bytes;
  if (isTail) {
    let start = 0;
    while (start < MAX_CHARACTER_BYTES && isContinuation(bytes[start])) start++;
    return bytes.subarray(start);
  }
  let end = bytes.length;
  while (bytes.length - end < MAX_CHARACTER_BYTES && isContinuation(bytes[end - 1])) end--;
  return bytes.subarray(0, (bytes[end - 1] ?? 0) >= 0xc0 ? end - 1 : bytes.length);
}

const isContinuation = (byte = 0): boolean => (byte & 0xc0) === 0x80;

const behindEnd = ({ from, fromLine }: PageRequest, total: number | null) =>
  new RemoteExecError(
    "invalid_argument",
    `${printable(from.path)} has ${
      total === null ? "fewer" : `only ${total}`
    } lines: from_line ${fromLine} ` +
      "is behind its end",
    "Use a smaller from_line, or tail_lines for the last lines",
  );

/** The file is not text. The service suggests the tool that copies it. */
export const binaryFile = (path: string, start: Uint8Array) =>
  new RemoteExecError(
    "binary_file",
    `${printable(path)} is ${kindOf(start)}, not text; it begins with ${
      hex(start.subarray(0, 16))
    }`,
    "Inspect it with ssh_exec_command, for example `file` or `xxd`",
  );

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");

const KINDS: readonly (readonly [kind: string, start: string])[] = [
  ["an ELF program", "7f 45 4c 46"],
  ["a gzip file", "1f 8b"],
  ["a zip archive", "50 4b 03 04"],
  ["an xz file", "fd 37 7a 58 5a"],
  ["a bzip2 file", "42 5a 68"],
  ["a Zstandard file", "28 b5 2f fd"],
  ["a PNG image", "89 50 4e 47"],
  ["a JPEG image", "ff d8 ff"],
  ["a GIF image", "47 49 46 38"],
  ["a PDF document", "25 50 44 46"],
  ["an SQLite database", "53 51 4c 69 74 65 20 66"],
];

function kindOf(start: Uint8Array): string {
  const begins = hex(start.subarray(0, 16));
  return KINDS.find(([, mark]) => begins.startsWith(mark))?.[0] ?? "a binary file";
}

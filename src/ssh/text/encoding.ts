import { Buffer } from "node:buffer";

/** The encodings of text files that are recognized. */
export type Encoding = "utf-8" | "utf-8-bom" | "utf-16le" | "utf-16be" | "latin-1";

/** How the lines of a file end. A file without line ends counts as `lf`. */
export type LineEnding = "lf" | "crlf" | "mixed";

/** The text of a file, and what is needed to write it again in the same encoding. */
export interface DecodedText {
  readonly text: string;
  readonly encoding: Encoding;
  /** The byte order mark, which is not part of `text`; false for UTF-16 without one, too. */
  readonly hasBom: boolean;
}

const UTF8_BOM = [0xef, 0xbb, 0xbf];
const UTF16LE_BOM = [0xff, 0xfe];
const UTF16BE_BOM = [0xfe, 0xff];

const startsWith = (bytes: Uint8Array, mark: readonly number[]): boolean =>
  mark.every((byte, index) => bytes[index] === byte);

/** Returns the length of the byte order mark at the start of a file. */
export function bomLength(bytes: Uint8Array): number {
  if (startsWith(bytes, UTF8_BOM)) return UTF8_BOM.length;
  return startsWith(bytes, UTF16LE_BOM) || startsWith(bytes, UTF16BE_BOM) ? 2 : 0;
}

/**
 * Returns what the first bytes of a file show about its encoding: `binary`, one of the UTF-16 encodings,
 * or `bytes` for an encoding whose line feeds are single bytes. UTF-16 without a mark is recognized by
 * the zero bytes of its ASCII characters.
 */
export function recognize(start: Uint8Array): "utf-16le" | "utf-16be" | "bytes" | "binary" {
  if (startsWith(start, UTF16LE_BOM)) return "utf-16le";
  if (startsWith(start, UTF16BE_BOM)) return "utf-16be";
  if (!start.includes(0)) return hasOddControls(start) ? "binary" : "bytes";
  const zeros = [0, 0];
  const pairs = start.length >> 1;
  for (let index = 0; index < pairs * 2; index++) {
    if (start[index] === 0) zeros[index & 1] = (zeros[index & 1] ?? 0) + 1;
  }
  const [even = 0, odd = 0] = zeros;
  const most = Math.max(even, odd);
  const isText = pairs > 0 && Math.min(even, odd) === 0 && most >= pairs * MIN_ASCII_SHARE;
  if (!isText) return "binary";
  return odd > even ? "utf-16le" : "utf-16be";
}

/** Share of ASCII characters in UTF-16 text without a mark; less is taken for binary. */
const MIN_ASCII_SHARE = 0.5;

/** Text hardly contains control characters other than tab, line ends, form feed, backspace and escape. */
function hasOddControls(start: Uint8Array): boolean {
  if (isUtf8(start, true)) return false;
  const odd = start.filter((byte) => byte < 32 && ![8, 9, 10, 11, 12, 13, 27].includes(byte));
  return odd.length > start.length * MAX_CONTROL_SHARE;
}

const MAX_CONTROL_SHARE = 0.02;

/** Reports whether the bytes are UTF-8. @param isCut a character at the end may be incomplete */
export function isUtf8(bytes: Uint8Array, isCut = false): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: isCut });
    return true;
  } catch {
    return false;
  }
}

/**
 * Decodes a complete file without loss: {@linkcode encodeText} returns the same bytes. Bytes that are
 * not UTF-8 are Latin-1. Returns undefined for a binary file.
 */
export function decodeText(bytes: Uint8Array): DecodedText | undefined {
  const kind = recognize(bytes.subarray(0, SAMPLE_BYTES));
  if (kind === "binary") return undefined;
  const length = bomLength(bytes);
  const rest = bytes.subarray(length);
  const hasBom = length > 0;
  if (kind !== "bytes") {
    return rest.length % 2 === 0
      ? { text: decodeUtf16(rest, kind), encoding: kind, hasBom }
      : undefined;
  }
  if (isUtf8(rest)) {
    return { text: decodeUtf8(rest), encoding: hasBom ? "utf-8-bom" : "utf-8", hasBom };
  }
  return { text: decodeLatin1(bytes), encoding: "latin-1", hasBom: false };
}

/** How many bytes at the start of a file are looked at. */
export const SAMPLE_BYTES = 4_096;

const decodeUtf8 = (bytes: Uint8Array): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

/** Each byte is the character of the same number, unlike in TextDecoder, whose "latin1" is Windows-1252. */
export const decodeLatin1 = (bytes: Uint8Array): string => view(bytes).toString("latin1");

function decodeUtf16(bytes: Uint8Array, encoding: "utf-16le" | "utf-16be"): string {
  const copy = Buffer.from(bytes);
  return (encoding === "utf-16be" ? copy.swap16() : copy).toString("utf16le");
}

/**
 * Encodes a text. Returns the first character that the encoding cannot hold instead, if there is one.
 */
export function encodeText(
  { text, encoding, hasBom }: DecodedText,
): Uint8Array | { readonly unencodable: string } {
  switch (encoding) {
    case "utf-8":
    case "utf-8-bom":
      return withMark(hasBom ? UTF8_BOM : [], new TextEncoder().encode(text));
    case "latin-1": {
      const [unencodable] = /[^\0-\xff]/u.exec(text) ?? [];
      return unencodable === undefined ? Buffer.from(text, "latin1") : { unencodable };
    }
    case "utf-16le":
      return withMark(hasBom ? UTF16LE_BOM : [], Buffer.from(text, "utf16le"));
    case "utf-16be":
      return withMark(hasBom ? UTF16BE_BOM : [], Buffer.from(text, "utf16le").swap16());
  }
}

const withMark = (mark: readonly number[], bytes: Uint8Array): Uint8Array =>
  mark.length === 0 ? bytes : Buffer.concat([Buffer.from(mark), bytes]);

/** Returns how the lines of a text end. */
export function lineEndingOf(text: string): LineEnding {
  let [lines, returns] = [0, 0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    lines++;
    if (text[at - 1] === "\r") returns++;
  }
  return endingOf(lines, returns);
}

/** Returns the line ending of a file by its number of line feeds, and of those after a carriage return. */
export function endingOf(lines: number, returns: number): LineEnding {
  if (returns === 0) return "lf";
  return returns === lines ? "crlf" : "mixed";
}

const view = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** One member of an archive. Times are in seconds. */
export interface TarEntry {
  readonly path: string;
  readonly kind: "file" | "directory" | "link";
  /** Bytes of content; 0 for anything but a file. */
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  readonly mtime: number;
  readonly uid: number;
  readonly gid: number;
  /** Target of a link. */
  readonly target?: string;
}

const BLOCK = 512;
const NAME_BYTES = 100;
const TYPES = { file: "0", directory: "5", link: "2" } as const;
const encoder = new TextEncoder();

/** The end of an archive. */
export const TAR_END = new Uint8Array(2 * BLOCK);

/** Returns the number of zero bytes that follow content of this size. */
export const tarPadding = (size: number): number => (BLOCK - size % BLOCK) % BLOCK;

/**
 * Returns the header of a member, in the GNU format because busybox reads its long names and large
 * numbers too. Owners have no names, so every tar takes the numbers.
 *
 * Source: GNU tar manual, "Basic Tar Format".
 */
export function tarHeader(entry: TarEntry): Uint8Array<ArrayBuffer> {
  const name = encoder.encode(entry.kind === "directory" ? `${entry.path}/` : entry.path);
  const target = encoder.encode(entry.target ?? "");
  return joined([
    ...longRecord("K", target),
    ...longRecord("L", name),
    block({ ...entry, name, target, type: TYPES[entry.kind] }),
  ]);
}

/** A name that does not fit into a header is the content of a member before it. */
function longRecord(type: "K" | "L", text: Uint8Array): Uint8Array[] {
  if (text.length <= NAME_BYTES) return [];
  const size = text.length + 1;
  const name = encoder.encode("././@LongLink");
  const header = block({ name, target: new Uint8Array(), type, size, ...PLAIN });
  return [header, text, new Uint8Array(1 + tarPadding(size))];
}

const PLAIN = { mode: 0o644, mtime: 0, uid: 0, gid: 0 };

interface Fields extends Pick<TarEntry, "size" | "mode" | "mtime" | "uid" | "gid"> {
  readonly name: Uint8Array;
  readonly target: Uint8Array;
  readonly type: string;
}

function block({ name, target, type, size, mode, mtime, uid, gid }: Fields): Uint8Array {
  const header = new Uint8Array(BLOCK);
  const text = (at: number, value: string) => header.set(encoder.encode(value), at);
  header.set(name.subarray(0, NAME_BYTES), 0);
  header.set(number(mode, 8), 100);
  header.set(number(uid, 8), 108);
  header.set(number(gid, 8), 116);
  header.set(number(size, 12), 124);
  header.set(number(mtime, 12), 136);
  text(148, " ".repeat(8));
  text(156, type);
  header.set(target.subarray(0, NAME_BYTES), 157);
  text(257, "ustar  ");
  const sum = header.reduce((total, byte) => total + byte, 0);
  text(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return header;
}

/** Octal digits and NUL; in base 256, with the first bit set, if it is too large or negative. */
function number(value: number, length: number): Uint8Array {
  const digits = Math.trunc(value).toString(8);
  if (value >= 0 && digits.length < length) {
    return encoder.encode(`${digits.padStart(length - 1, "0")}\0`);
  }
  const bytes = new Uint8Array(length);
  let rest = BigInt(Math.trunc(value));
  for (let at = length - 1; at >= 0; at--) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  bytes[0] = value < 0 ? 0xff : 0x80;
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

import type { ArchiveEntry } from "./archive.ts";

/** What became known of a member's content. */
export interface Written {
  readonly crc: number;
  readonly size: number;
  /** Its checksum was not known when its header was written; a descriptor follows the content. */
  readonly streamed: boolean;
}

const MAX32 = 0xffff_ffff;
const MAX16 = 0xffff;
/** Names are UTF-8. Source: PKWARE APPNOTE 6.3.10, 4.4.4, bit 11 and bit 3. */
const UTF8 = 0x0800;
const DESCRIPTOR = 0x0008;
const ZIP64_VERSION = 45;
const PLAIN_VERSION = 20;
/** The upper byte says that the attributes are those of Unix. Source: APPNOTE 4.4.2. */
const MADE_BY_UNIX = (3 << 8) | ZIP64_VERSION;

/** The record before a member's content. Source: APPNOTE 4.3.7. */
export function localHeader(entry: ArchiveEntry, name: Uint8Array, written: Written): Uint8Array {
  const wide = written.size >= MAX32;
  // A 64-bit descriptor is announced by the 64-bit field, whose sizes are then zero.
  const size = written.streamed ? 0 : written.size;
  const extra = [...(wide ? [wideSizes([size, size])] : []), ...modified(entry.mtimeMs)];
  return record(30, name, extra, (at, extraLength) => {
    at.u32(0x04034b50).u16(wide ? ZIP64_VERSION : PLAIN_VERSION);
    at.u16(UTF8 | (written.streamed ? DESCRIPTOR : 0)).u16(0).u32(dosTime(entry.mtimeMs));
    at.u32(written.crc);
    at.u32(wide ? MAX32 : size).u32(wide ? MAX32 : size);
    at.u16(name.length).u16(extraLength);
  });
}

/** The record after the content of a streamed member. Source: APPNOTE 4.3.9. */
export function descriptor({ crc, size }: Written): Uint8Array {
  const wide = size >= MAX32;
  const bytes = new Uint8Array(wide ? 24 : 16);
  const at = new Fields(bytes).u32(0x08074b50).u32(crc);
  if (wide) at.u64(size).u64(size);
  else at.u32(size).u32(size);
  return bytes;
}

/** The record in the directory at the archive's end. Source: APPNOTE 4.3.12 and 4.5.3. */
export function centralRecord(
  entry: ArchiveEntry,
  name: Uint8Array,
  offset: number,
  { crc, size, streamed }: Written,
): Uint8Array {
  const wideSize = size >= MAX32;
  const wideOffset = offset >= MAX32;
  const wide = [...(wideSize ? [size, size] : []), ...(wideOffset ? [offset] : [])];
  const extra = [...(wide.length > 0 ? [wideSizes(wide)] : []), ...modified(entry.mtimeMs)];
  const isDirectory = entry.kind === "directory";
  return record(46, name, extra, (at, extraLength) => {
    at.u32(0x02014b50).u16(MADE_BY_UNIX).u16(wide.length > 0 ? ZIP64_VERSION : PLAIN_VERSION);
    at.u16(UTF8 | (streamed ? DESCRIPTOR : 0)).u16(0).u32(dosTime(entry.mtimeMs)).u32(crc);
    at.u32(wideSize ? MAX32 : size).u32(wideSize ? MAX32 : size);
    at.u16(name.length).u16(extraLength).u16(0).u16(0).u16(0);
    const type = isDirectory ? 0o040000 : 0o100000;
    at.u32((((type | entry.mode) << 16) | (isDirectory ? 0x10 : 0)) >>> 0);
    at.u32(wideOffset ? MAX32 : offset);
  });
}

/** What ends the archive; the 64-bit form too where a number does not fit. Source: APPNOTE 4.3.14–16. */
export function endRecords(count: number, bytes: number, offset: number): Uint8Array {
  const wide = count >= MAX16 || bytes >= MAX32 || offset >= MAX32;
  const out = new Uint8Array((wide ? 56 + 20 : 0) + 22);
  const at = new Fields(out);
  if (wide) {
    at.u32(0x06064b50).u64(44).u16(MADE_BY_UNIX).u16(ZIP64_VERSION).u32(0).u32(0);
    at.u64(count).u64(count).u64(bytes).u64(offset);
    at.u32(0x07064b50).u32(0).u64(offset + bytes).u32(1);
  }
  at.u32(0x06054b50).u16(0).u16(0);
  at.u16(Math.min(count, MAX16)).u16(Math.min(count, MAX16));
  at.u32(Math.min(bytes, MAX32)).u32(Math.min(offset, MAX32)).u16(0);
  return out;
}

function record(
  fixed: number,
  name: Uint8Array,
  extra: readonly Uint8Array[],
  fill: (at: Fields, extraLength: number) => void,
): Uint8Array {
  const extraLength = extra.reduce((sum, field) => sum + field.length, 0);
  const bytes = new Uint8Array(fixed + name.length + extraLength);
  fill(new Fields(bytes), extraLength);
  bytes.set(name, fixed);
  let at = fixed + name.length;
  for (const field of extra) {
    bytes.set(field, at);
    at += field.length;
  }
  return bytes;
}

function wideSizes(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 8 * values.length);
  const at = new Fields(bytes).u16(0x0001).u16(8 * values.length);
  for (const value of values) at.u64(value);
  return bytes;
}

/** The modification time in seconds of UTC, which the two-second local time of old does not hold. */
function modified(mtimeMs: number): Uint8Array[] {
  const seconds = Math.floor(mtimeMs / 1000);
  if (seconds < 0 || seconds > 0x7fff_ffff) return [];
  const bytes = new Uint8Array(9);
  new Fields(bytes).u16(0x5455).u16(5).u8(1).u32(seconds);
  return [bytes];
}

function dosTime(mtimeMs: number): number {
  const date = new Date(mtimeMs);
  const year = Math.min(Math.max(date.getFullYear(), 1980), 2107);
  if (date.getFullYear() < 1980) return (1 << 21) | (1 << 16);
  const day = ((year - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate();
  const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
  return ((day << 16) | time) >>> 0;
}

/** Writes little-endian numbers one after the other. */
class Fields {
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(value: number): this {
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
    return this;
  }

  u16(value: number): this {
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
    return this;
  }

  u32(value: number): this {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
    return this;
  }

  u64(value: number): this {
    this.#view.setBigUint64(this.#at, BigInt(value), true);
    this.#at += 8;
    return this;
  }
}

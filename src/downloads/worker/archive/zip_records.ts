import * as zlib from "node:zlib";

/** One member of a zip archive. */
export interface ArchiveEntry {
  /** Relative, with `/`, without a trailing slash. It may be unsafe: `ArchiveNames` cleans it. */
  readonly path: string;
  readonly kind: "file" | "directory";
  /** Exact number of bytes of the content. */
  readonly size: number;
  readonly mtimeMs: number;
  /** Permission bits. */
  readonly mode: number;
  /** Called when its turn comes; yields nothing for a directory. A chunk is valid until the next one. */
  content(): AsyncIterable<Uint8Array>;
}

/** What is known about a member's content when a record is written. */
export interface Written {
  readonly crc: number;
  readonly size: number;
  /** The checksum was unknown when the header was written: a descriptor follows the content. */
  readonly streamed: boolean;
}

const MAX32 = 0xffff_ffff;
const MAX16 = 0xffff;
/** Names are UTF-8; a descriptor follows. Source: PKWARE APPNOTE 6.3.10, 4.4.4, bits 11 and 3. */
const UTF8 = 0x0800;
const DESCRIPTOR = 0x0008;
const ZIP64_VERSION = 45;
const PLAIN_VERSION = 20;
/** The upper byte says that the file attributes are Unix modes. Source: APPNOTE 4.4.2. */
const MADE_BY_UNIX = (3 << 8) | ZIP64_VERSION;
/** The max of the signed 32-bit field for the modification time, in seconds since 1970. */
const LAST_SECOND = 0x7fff_ffff;

/**
 * Makes the records of a zip archive in one reused buffer: a record is valid until the next one is made.
 * Names may have up to 65,535 bytes.
 */
export class ZipRecords {
  readonly #bytes = new Uint8Array(MAX16 + 256);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #encoder = new TextEncoder();
  #at = 0;

  /** Returns the record before a member's content. Source: APPNOTE 4.3.7. */
  local(entry: ArchiveEntry, { crc, size: known, streamed }: Written): Uint8Array {
    const wide = known >= MAX32;
    // The 64-bit field announces a 64-bit descriptor; its own sizes are then zero.
    const size = streamed ? 0 : known;
    this.#begin().#u32(0x04034b50).#u16(wide ? ZIP64_VERSION : PLAIN_VERSION);
    this.#u16(UTF8 | (streamed ? DESCRIPTOR : 0)).#u16(0).#u32(dosTime(entry.mtimeMs)).#u32(crc);
    this.#u32(wide ? MAX32 : size).#u32(wide ? MAX32 : size);
    const lengths = this.#at;
    const nameLength = this.#u16(0).#u16(0).#name(entry);
    const extraLength = this.#extra(entry, wide ? [size, size] : []);
    return this.#lengths(lengths, nameLength, extraLength).#done();
  }

  /** Returns the record after the content of a streamed member. Source: APPNOTE 4.3.9. */
  descriptor({ crc, size }: Written): Uint8Array {
    this.#begin().#u32(0x08074b50).#u32(crc);
    if (size >= MAX32) this.#u64(size).#u64(size);
    else this.#u32(size).#u32(size);
    return this.#done();
  }

  /** Returns the record for the directory at the end of the archive. Source: APPNOTE 4.3.12, 4.5.3. */
  central(entry: ArchiveEntry, offset: number, { crc, size, streamed }: Written): Uint8Array {
    const wide = [...(size >= MAX32 ? [size, size] : []), ...(offset >= MAX32 ? [offset] : [])];
    this.#begin().#u32(0x02014b50).#u16(MADE_BY_UNIX);
    this.#u16(wide.length > 0 ? ZIP64_VERSION : PLAIN_VERSION);
    this.#u16(UTF8 | (streamed ? DESCRIPTOR : 0)).#u16(0).#u32(dosTime(entry.mtimeMs)).#u32(crc);
    this.#u32(Math.min(size, MAX32)).#u32(Math.min(size, MAX32));
    const lengths = this.#at;
    this.#u16(0).#u16(0).#u16(0).#u16(0).#u16(0).#u32(attributes(entry));
    const nameLength = this.#u32(Math.min(offset, MAX32)).#name(entry);
    return this.#lengths(lengths, nameLength, this.#extra(entry, wide)).#done();
  }

  /** Returns the end of the archive, with the 64-bit form where needed. Source: APPNOTE 4.3.14–16. */
  end(count: number, bytes: number, offset: number): Uint8Array {
    this.#begin();
    if (count >= MAX16 || bytes >= MAX32 || offset >= MAX32) {
      this.#u32(0x06064b50).#u64(44).#u16(MADE_BY_UNIX).#u16(ZIP64_VERSION).#u32(0).#u32(0);
      this.#u64(count).#u64(count).#u64(bytes).#u64(offset);
      this.#u32(0x07064b50).#u32(0).#u64(offset + bytes).#u32(1);
    }
    this.#u32(0x06054b50).#u16(0).#u16(0);
    this.#u16(Math.min(count, MAX16)).#u16(Math.min(count, MAX16));
    return this.#u32(Math.min(bytes, MAX32)).#u32(Math.min(offset, MAX32)).#u16(0).#done();
  }

  #begin(): this {
    this.#at = 0;
    return this;
  }

  #done(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  #name({ path, kind }: ArchiveEntry): number {
    const name = kind === "directory" ? `${path}/` : path;
    const { written } = this.#encoder.encodeInto(name, this.#bytes.subarray(this.#at));
    this.#at += written;
    return written;
  }

  /** Writes the 64-bit numbers, then the time in UTC seconds, which the DOS field cannot hold. */
  #extra({ mtimeMs }: ArchiveEntry, wide: readonly number[]): number {
    const start = this.#at;
    if (wide.length > 0) this.#u16(0x0001).#u16(8 * wide.length);
    for (const value of wide) this.#u64(value);
    const seconds = Math.floor(mtimeMs / 1000);
    if (seconds >= 0 && seconds <= LAST_SECOND) this.#u16(0x5455).#u16(5).#u8(1).#u32(seconds);
    return this.#at - start;
  }

  #lengths(at: number, name: number, extra: number): this {
    this.#view.setUint16(at, name, true);
    this.#view.setUint16(at + 2, extra, true);
    return this;
  }

  #u8(value: number): this {
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
    return this;
  }

  #u16(value: number): this {
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
    return this;
  }

  #u32(value: number): this {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
    return this;
  }

  #u64(value: number): this {
    this.#view.setBigUint64(this.#at, BigInt(value), true);
    this.#at += 8;
    return this;
  }
}

/** Returns the CRC-32 of bytes; `value` is that of the bytes before them. */
export const crc32 = (data: Uint8Array, value = 0): number =>
  // A cast at the border to the runtime, which has the function (Node 22.2 and later).
  (zlib as unknown as WithCrc32).crc32(data, value);

/** The native function. The type declarations of Node 18, which some dependencies install, lack it. */
interface WithCrc32 {
  crc32(data: Uint8Array, value?: number): number;
}

function attributes({ kind, mode }: ArchiveEntry): number {
  const isDirectory = kind === "directory";
  const type = isDirectory ? 0o040000 : 0o100000;
  return (((type | mode) << 16) | (isDirectory ? 0x10 : 0)) >>> 0;
}

/** Returns the local time in steps of two seconds, from 1980 on. Source: APPNOTE 4.4.6. */
function dosTime(mtimeMs: number): number {
  const date = new Date(mtimeMs);
  const year = date.getFullYear();
  if (year < 1980 || year > 2107) return (1 << 21) | (1 << 16);
  const day = ((year - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate();
  const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
  return ((day << 16) | time) >>> 0;
}

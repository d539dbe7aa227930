import { Buffer } from "node:buffer";
import { deflateRawSync } from "node:zlib";
import { crc32 } from "../src/downloads/worker/archive/zip_records.ts";
import { type Member, modeOf, type Packing } from "./tarball.ts";

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const VERSION = 20;
/** The upper byte says that the file attributes are Unix modes. */
const MADE_BY_UNIX = (3 << 8) | VERSION;
const UTF8_NAMES = 0x0800;
const DEFLATED = 8;
const REGULAR_FILE = 0o100_000;

/**
 * Returns the files as a zip archive. `mcpb pack` writes the current time into it, so its archive of the same files
 * differs in each build. Source: PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
 */
export function zip(members: readonly Member[], { level, time }: Packing): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const member of members) {
    const content = deflateRawSync(member.bytes, { level });
    const name = Buffer.from(member.path);
    const common = commonFields(member, content.length, name.length, time);
    const local = Buffer.concat([fields([LOCAL, 4], [VERSION, 2]), common, name]);
    directory.push(
      fields([CENTRAL, 4], [MADE_BY_UNIX, 2], [VERSION, 2]),
      common,
      // Comment, disk, internal attributes; then the mode and where the member is.
      fields([0, 2], [0, 2], [0, 2], [(REGULAR_FILE | modeOf(member)) * 0x10000, 4], [offset, 4]),
      name,
    );
    parts.push(local, content);
    offset += local.length + content.length;
  }
  const size = directory.reduce((total, part) => total + part.length, 0);
  const count = members.length;
  const end = fields([END, 4], [0, 2], [0, 2], [count, 2], [count, 2], [size, 4], [offset, 4], [
    0,
    2,
  ]);
  return Buffer.concat([...parts, ...directory, end]);
}

/** What both records of a member have, from the flags to the length of the extra field. */
function commonFields({ bytes }: Member, packed: number, name: number, time: number): Uint8Array {
  return fields(
    [UTF8_NAMES, 2],
    [DEFLATED, 2],
    [dosTime(time), 4],
    [crc32(bytes), 4],
    [packed, 4],
    [bytes.length, 4],
    [name, 2],
    [0, 2],
  );
}

/** Date and time of DOS, in UTC so that it is the same everywhere; it begins in 1980 and has steps of two seconds. */
function dosTime(seconds: number): number {
  const at = new Date(seconds * 1000);
  const date = (at.getUTCFullYear() - 1980) << 9 | (at.getUTCMonth() + 1) << 5 | at.getUTCDate();
  const time = at.getUTCHours() << 11 | at.getUTCMinutes() << 5 | at.getUTCSeconds() >> 1;
  return date * 0x10000 + time;
}

function fields(...values: readonly (readonly [value: number, bytes: 2 | 4])[]): Uint8Array {
  const buffer = Buffer.alloc(values.reduce((total, [, bytes]) => total + bytes, 0));
  let at = 0;
  for (const [value, bytes] of values) at = buffer.writeUIntLE(value, at, bytes);
  return buffer;
}

import { Buffer } from "node:buffer";
import { existsSync, readFileSync, type Stats } from "node:fs";

/** Numbers of SFTP version 3. Source: draft-ietf-secsh-filexfer-02, sections 3, 6.3 and 7. */
export const SFTP = {
  INIT: 1,
  VERSION: 2,
  OPEN: 3,
  CLOSE: 4,
  READ: 5,
  WRITE: 6,
  LSTAT: 7,
  FSTAT: 8,
  SETSTAT: 9,
  FSETSTAT: 10,
  OPENDIR: 11,
  READDIR: 12,
  REMOVE: 13,
  MKDIR: 14,
  RMDIR: 15,
  REALPATH: 16,
  STAT: 17,
  RENAME: 18,
  READLINK: 19,
  SYMLINK: 20,
  STATUS: 101,
  HANDLE: 102,
  DATA: 103,
  NAME: 104,
  ATTRS: 105,
  EXTENDED: 200,
  EXTENDED_REPLY: 201,
} as const;

/** Status codes. */
export const STATUS = {
  OK: 0,
  EOF: 1,
  NO_SUCH_FILE: 2,
  PERMISSION_DENIED: 3,
  FAILURE: 4,
  BAD_MESSAGE: 5,
  OP_UNSUPPORTED: 8,
} as const;

/** Source: OpenSSH 9.2 sftp-server.c, `status_messages`; clients show these texts. */
const STATUS_TEXT = [
  "Success",
  "End of file",
  "No such file",
  "Permission denied",
  "Failure",
  "Bad message",
  "No connection",
  "Connection lost",
  "Operation unsupported",
];

/** Attributes of a request; those that the client omits are undefined. Times in seconds. */
export interface SftpAttributes {
  size?: number;
  owner?: { readonly uid: number; readonly gid: number };
  mode?: number;
  times?: { readonly atime: number; readonly mtime: number };
}

/** Reads the fields of one packet in order. A packet that ends too early throws RangeError. */
export class PacketReader {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  byte(): number {
    return this.#data.readUInt8(this.#skip(1));
  }

  uint32(): number {
    return this.#data.readUInt32BE(this.#skip(4));
  }

  uint64(): number {
    return Number(this.#data.readBigUInt64BE(this.#skip(8)));
  }

  bytes(): Buffer {
    const length = this.uint32();
    const start = this.#skip(length);
    return this.#data.subarray(start, start + length);
  }

  text(): string {
    return this.bytes().toString("utf8");
  }

  attributes(): SftpAttributes {
    const flags = this.uint32();
    const attributes: SftpAttributes = {};
    if (flags & 1) attributes.size = this.uint64();
    if (flags & 2) attributes.owner = { uid: this.uint32(), gid: this.uint32() };
    if (flags & 4) attributes.mode = this.uint32();
    if (flags & 8) attributes.times = { atime: this.uint32(), mtime: this.uint32() };
    return attributes;
  }

  #skip(length: number): number {
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#data.length) throw new RangeError("SFTP packet ends too early");
    return start;
  }
}

/** Splits a byte stream into SFTP packets, without their length field. */
export async function* readPackets(source: AsyncIterable<Buffer>): AsyncGenerator<PacketReader> {
  let chunks: Buffer[] = [];
  let held = 0;
  let needed = 4;
  for await (const chunk of source) {
    chunks.push(chunk);
    held += chunk.length;
    if (held < needed) continue;
    let rest = Buffer.concat(chunks);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const end = 4 + rest.readUInt32BE(0);
      yield new PacketReader(rest.subarray(4, end));
      rest = rest.subarray(end);
    }
    chunks = [rest];
    held = rest.length;
    needed = held < 4 ? 4 : 4 + rest.readUInt32BE(0);
  }
}

/** Builders of reply packets. Each function takes the id of the request. */
export const statusReply = (id: number, code: number): Buffer =>
  packet(SFTP.STATUS, uint32(id), uint32(code), string(STATUS_TEXT[code] ?? ""), string(""));

export const handleReply = (id: number, handle: Buffer): Buffer =>
  packet(SFTP.HANDLE, uint32(id), string(handle));

export const dataReply = (id: number, data: Buffer): Buffer =>
  packet(SFTP.DATA, uint32(id), string(data));

export const attributesReply = (id: number, stats: Stats): Buffer =>
  packet(SFTP.ATTRS, uint32(id), attributes(stats));

export interface SftpName {
  readonly name: string;
  /** Without it, name and attributes are dummies, as in REALPATH and READLINK. */
  readonly stats?: Stats;
}

export const namesReply = (id: number, names: readonly SftpName[]): Buffer =>
  packet(SFTP.NAME, uint32(id), uint32(names.length), ...names.flatMap(nameFields));

export const extendedReply = (id: number, values: readonly (number | bigint)[]): Buffer =>
  packet(SFTP.EXTENDED_REPLY, uint32(id), ...values.map(uint64));

export const versionReply = (extensions: Readonly<Record<string, string>>): Buffer =>
  packet(SFTP.VERSION, uint32(3), ...Object.entries(extensions).flat().map(string));

function nameFields({ name, stats }: SftpName): Buffer[] {
  if (stats === undefined) return [string(name), string(name), uint32(0)];
  return [string(name), string(formatLongName(name, stats)), attributes(stats)];
}

function packet(type: number, ...fields: readonly Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.of(type), ...fields]);
  return Buffer.concat([uint32(body.length), body]);
}

function uint32(value: number): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt32BE(value >>> 0);
  return field;
}

function uint64(value: number | bigint): Buffer {
  const field = Buffer.alloc(8);
  field.writeBigUInt64BE(BigInt(value));
  return field;
}

function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function attributes(stats: Stats): Buffer {
  const seconds = [stats.atimeMs, stats.mtimeMs].map((ms) => uint32(Math.floor(ms / 1000)));
  const owner = [uint32(stats.uid), uint32(stats.gid)];
  return Buffer.concat([
    uint32(15),
    uint64(stats.size),
    ...owner,
    uint32(stats.mode),
    ...seconds,
  ]);
}

/** Returns a line like `ls -l`. Source: OpenSSH 9.2 sftp-common.c, `ls_file`. */
function formatLongName(name: string, stats: Stats): string {
  const [, day, month, year, time] = new Date(stats.mtimeMs).toUTCString().split(" ");
  const isRecent = Math.abs(Date.now() - stats.mtimeMs) < 365 / 2 * 86_400_000;
  const date = `${month} ${String(Number(day)).padStart(2)} ${
    isRecent ? time?.slice(0, 5) : ` ${year}`
  }`;
  const owner = [nameOf("/etc/passwd", stats.uid), nameOf("/etc/group", stats.gid)]
    .map((name) => name.padEnd(8)).join(" ");
  const size = String(stats.size).padStart(8);
  return `${formatMode(stats.mode)} ${
    String(stats.nlink).padStart(3)
  } ${owner} ${size} ${date} ${name}`;
}

function nameOf(file: string, id: number): string {
  const rows = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  return rows.map((row) => row.split(":")).find((row) => row[2] === String(id))?.[0] ?? String(id);
}

const TYPE_LETTERS = "?pc?d?b?-?l?s???";

function formatMode(mode: number): string {
  const bits = [..."rwxrwxrwx"].map((letter, at) => (mode & (0o400 >> at)) === 0 ? "-" : letter);
  return (TYPE_LETTERS[(mode >> 12) & 15] ?? "?") + bits.join("");
}

import { crc32 } from "node:zlib";
import { RemoteExecError } from "../errors.ts";
import { centralRecord, descriptor, endRecords, localHeader, type Written } from "./zip_records.ts";

/** One member of an archive to be. */
export interface ArchiveEntry {
  /** Relative, with `/`; without a slash at its end also for a directory. */
  readonly path: string;
  readonly kind: "file" | "directory";
  /** Exactly as many bytes as the content has. */
  readonly size: number;
  readonly mtimeMs: number;
  /** Permission bits. */
  readonly mode: number;
  /** Called when its turn comes; nothing for a directory. A chunk is valid until the next is asked for. */
  content(): AsyncIterable<Uint8Array>;
}

/** Small pieces are gathered into blocks of this size. */
const BLOCK_BYTES = 256 * 1024;

/**
 * A zip archive as it is made: nothing is compressed, and nothing kept but some 80 bytes for each
 * member. 64-bit fields are written where they are needed. A chunk is valid until the next one is
 * asked for.
 *
 * Written here because the libraries at hand need 180 MB (client-zip 2.5.1) and 1.5 GB (zip.js
 * 2.24.0) for 100,000 members.
 *
 * @throws RemoteExecError `changed` when a member has another length than announced
 */
export async function* zipArchive(
  entries: AsyncIterable<ArchiveEntry>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const block = new Block(BLOCK_BYTES);
  const scratch = new Uint8Array(BLOCK_BYTES);
  const directory = new Pieces();
  let offset = 0;
  for await (const entry of entries) {
    const name = nameBytes(entry);
    const start = offset;
    for await (const piece of member(entry, name, scratch)) {
      if (piece instanceof Uint8Array) {
        offset += piece.length;
        if (!block.fits(piece)) yield* block.drain();
        if (block.fits(piece)) block.add(piece);
        else yield piece;
      } else {
        directory.add(centralRecord(entry, name, start, piece));
      }
    }
  }
  yield* block.drain();
  yield* directory.blocks();
  yield endRecords(directory.count, directory.bytes, offset);
}

/** A last member that names what could not be read any more when the archive was made. */
export function leftOutMember(paths: readonly string[]): ArchiveEntry {
  const content = new TextEncoder().encode(
    `Not in this archive, because it could not be read:\n${paths.join("\n")}\n`,
  );
  return {
    path: "_left_out.txt",
    kind: "file",
    size: content.length,
    mtimeMs: Date.now(),
    mode: 0o644,
    content: () => once(content),
  };
}

/** The content of what has none. */
export async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Content that is held already. */
export async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}

/** The bytes of one member, then the facts for its central record. */
async function* member(
  entry: ArchiveEntry,
  name: Uint8Array,
  scratch: Uint8Array,
): AsyncGenerator<Uint8Array | Written> {
  if (entry.kind === "directory" || entry.size === 0) {
    const written = { crc: 0, size: 0, streamed: false };
    yield localHeader(entry, name, written);
    if (entry.kind === "file") await expectNothing(entry);
    return yield written;
  }
  if (entry.size <= scratch.length) return yield* smallMember(entry, name, scratch);
  yield localHeader(entry, name, { crc: 0, size: entry.size, streamed: true });
  let crc = 0;
  let size = 0;
  for await (const chunk of entry.content()) {
    size += chunk.length;
    if (size > entry.size) throw otherLength();
    crc = crc32(chunk, crc);
    yield chunk;
  }
  if (size !== entry.size) throw otherLength();
  const written = { crc, size, streamed: true };
  yield descriptor(written);
  yield written;
}

/** Read whole before its header, which then says everything: no descriptor has to follow. */
async function* smallMember(
  entry: ArchiveEntry,
  name: Uint8Array,
  scratch: Uint8Array,
): AsyncGenerator<Uint8Array | Written> {
  const content = scratch.subarray(0, entry.size);
  let size = 0;
  for await (const chunk of entry.content()) {
    if (size + chunk.length > entry.size) throw otherLength();
    content.set(chunk, size);
    size += chunk.length;
  }
  if (size !== entry.size) throw otherLength();
  const written = { crc: crc32(content), size, streamed: false };
  yield localHeader(entry, name, written);
  yield content;
  yield written;
}

async function expectNothing(entry: ArchiveEntry): Promise<void> {
  for await (const chunk of entry.content()) {
    if (chunk.length > 0) throw otherLength();
  }
}

function nameBytes({ path, kind }: ArchiveEntry): Uint8Array {
  return new TextEncoder().encode(kind === "directory" ? `${path}/` : path);
}

const otherLength = () =>
  new RemoteExecError(
    "changed",
    "A file in the directory has changed while it was read",
    "Ask for a new link when nothing writes to the directory",
  );

/** Gathers small pieces; one buffer, used again. */
class Block {
  readonly #buffer: Uint8Array;
  #used = 0;

  constructor(bytes: number) {
    this.#buffer = new Uint8Array(bytes);
  }

  fits(piece: Uint8Array): boolean {
    return this.#used + piece.length <= this.#buffer.length;
  }

  add(piece: Uint8Array): void {
    this.#buffer.set(piece, this.#used);
    this.#used += piece.length;
  }

  *drain(): Generator<Uint8Array> {
    if (this.#used > 0) yield this.#buffer.subarray(0, this.#used);
    this.#used = 0;
  }
}

/** Records one after the other in large blocks: an object for each would cost several times as much. */
class Pieces {
  readonly #blocks: Uint8Array[] = [];
  #used = 0;
  count = 0;
  bytes = 0;

  add(piece: Uint8Array): void {
    let last = this.#blocks.at(-1);
    if (last === undefined || this.#used + piece.length > last.length) {
      if (last !== undefined) this.#blocks[this.#blocks.length - 1] = last.subarray(0, this.#used);
      last = new Uint8Array(Math.max(BLOCK_BYTES, piece.length));
      this.#blocks.push(last);
      this.#used = 0;
    }
    last.set(piece, this.#used);
    this.#used += piece.length;
    this.count++;
    this.bytes += piece.length;
  }

  *blocks(): Generator<Uint8Array> {
    for (const [index, block] of this.#blocks.entries()) {
      yield index === this.#blocks.length - 1 ? block.subarray(0, this.#used) : block;
    }
  }
}

import { Buffer } from "node:buffer";
import { CHUNK_BYTES } from "../../../../bytes/byte_reader.ts";
// @ts-types="@types/ssh2"
import type { Attributes, FileEntryWithStats, InputAttributes, SFTPWrapper } from "ssh2";
import { IN_FLIGHT } from "../pipeline.ts";
import { PATIENCE_MS, SessionBlocked, SftpQueue } from "./sftp_queue.ts";
import { CHUNK_LIFE } from "../source_sink.ts";

type Callback<T> = (error: Error | undefined | null, value: T) => void;

/** Returns the file type in the mode bits of POSIX. */
export function fileKind(mode: number): "file" | "directory" | "symlink" | "other" {
  const type = mode & 0o170000;
  if (type === 0o100000) return "file";
  if (type === 0o040000) return "directory";
  return type === 0o120000 ? "symlink" : "other";
}

/**
 * The SFTP requests of one call as promises. They reject with ssh2's errors, which have the SFTP status in
 * `code`, or with {@linkcode SessionBlocked}.
 */
export class Sftp {
  readonly #sftp: SFTPWrapper;
  readonly #queue: SftpQueue;

  constructor(sftp: SFTPWrapper) {
    this.#sftp = sftp;
    this.#queue = SftpQueue.of(sftp);
  }

  async stat(path: string): Promise<Attributes> {
    return withDefaults(await this.#call((done) => this.#sftp.stat(path, done)));
  }

  async lstat(path: string): Promise<Attributes> {
    return withDefaults(await this.#call((done) => this.#sftp.lstat(path, done)));
  }

  async fstat(handle: Uint8Array): Promise<Attributes> {
    return withDefaults(await this.#call((done) => this.#sftp.fstat(asBuffer(handle), done)));
  }

  fsetstat(handle: Uint8Array, attributes: InputAttributes): Promise<void> {
    return this.#call((done) => this.#sftp.fsetstat(asBuffer(handle), attributes, done as Done));
  }

  setstat(path: string, attributes: InputAttributes): Promise<void> {
    return this.#call((done) => this.#sftp.setstat(path, attributes, done as Done), "change");
  }

  realPath(path: string): Promise<string> {
    return this.#call((done) => this.#sftp.realpath(path, done));
  }

  /** @param mode permission bits of a new file, before the host's umask */
  open(path: string, flags: "r" | "r+" | "wx", mode?: number): Promise<Uint8Array> {
    return this.#call((done) =>
      mode === undefined
        ? this.#sftp.open(path, flags, done)
        : this.#sftp.open(path, flags, mode, done)
    );
  }

  makeDirectory(path: string): Promise<void> {
    return this.#call((done) => this.#sftp.mkdir(path, done as Done), "change");
  }

  removeDirectory(path: string): Promise<void> {
    return this.#call((done) => this.#sftp.rmdir(path, done as Done), "change");
  }

  symlink(target: string, path: string): Promise<void> {
    return this.#call((done) => this.#sftp.symlink(target, path, done as Done), "change");
  }

  close(handle: Uint8Array): Promise<void> {
    return this.#call((done) => this.#sftp.close(asBuffer(handle), done as Done), "cleanup");
  }

  remove(path: string): Promise<void> {
    return this.#call((done) => this.#sftp.unlink(path, done as Done), "cleanup");
  }

  /** Renames a file. On OpenSSH it fails if the new name exists. */
  rename(from: string, to: string): Promise<void> {
    return this.#call((done) => this.#sftp.rename(from, to, done as Done), "change");
  }

  /** Renames a file and atomically replaces the target. Rejects if the host lacks the extension. */
  replace(from: string, to: string): Promise<void> {
    return this.#call((done) => this.#sftp.ext_openssh_rename(from, to, done as Done), "change");
  }

  /** Adds a second name to a file. Rejects if the host lacks the extension. */
  hardLink(from: string, to: string): Promise<void> {
    return this.#call((done) => this.#sftp.ext_openssh_hardlink(from, to, done as Done), "change");
  }

  /** Writes a complete chunk at a position. */
  write(handle: Uint8Array, chunk: Uint8Array, position: number): Promise<void> {
    const buffer = asBuffer(chunk);
    return this.#call(
      (done) =>
        this.#sftp.write(asBuffer(handle), buffer, 0, buffer.length, position, done as Done),
      "content",
    );
  }

  /**
   * Lists the names in a directory with their attributes, without `.` and `..`. Stops soon after `limit`
   * names, because a malicious host could send names forever. A name that no file can be opened by (over
   * 255 bytes, not UTF-8) is shortened, and its entry has no mode.
   * @throws the signal's reason, with no further request, after it is aborted
   */
  async list(path: string, limit: number, signal?: AbortSignal): Promise<Entry[]> {
    const handle = await this.#call<Uint8Array>((done) => this.#sftp.opendir(path, done));
    const entries: Entry[] = [];
    try {
      // An empty answer is not the end: it may have contained only `.` and `..`.
      for (let turn = 0; turn <= limit && entries.length <= limit; turn++) {
        signal?.throwIfAborted();
        const some = await this.#call<FileEntryWithStats[]>((done) =>
          this.#sftp.readdir(asBuffer(handle), done)
        )
          .catch(noneAtEnd);
        if (some === undefined) break;
        for (const { filename, longname, attrs } of some) {
          const owner = ownerIn(longname);
          entries.push(
            usable(filename) ? { filename, owner, attrs: withDefaults(attrs) } : {
              filename: shortName(filename),
              owner,
              attrs: withDefaults({ ...attrs, mode: 0, size: 0 }),
            },
          );
        }
      }
    } finally {
      this.close(handle).catch(() => {});
    }
    return entries;
  }

  /** Returns the target of a symbolic link. */
  readLink(path: string): Promise<string> {
    return this.#call((done) => this.#sftp.readlink(path, done));
  }

  /**
   * Reads from `start` to the end of the file, or to position `limit`, with pipelined requests. Short
   * answers are completed, so the chunks are in order and without gaps.
   */
  async *read(handle: Uint8Array, limit: number, start = 0): AsyncGenerator<Uint8Array> {
    const pending: ReadRequest[] = [];
    const buffers = new BufferRing();
    let next = start;
    const ask = (position: number, length: number, buffer: Uint8Array): ReadRequest => {
      const answer = this.#readAt(handle, position, length, buffer);
      answer.catch(() => {}); // reported when it is awaited
      return { position, length, buffer, answer };
    };
    try {
      for (;;) {
        while (pending.length < IN_FLIGHT && next < limit) {
          const length = Math.min(CHUNK_BYTES, limit - next);
          pending.push(ask(next, length, buffers.take()));
          next += length;
        }
        const request = pending.shift();
        if (request === undefined) return;
        const count = await request.answer;
        if (count === 0) return;
        yield request.buffer.subarray(0, count);
        const missing = request.length - count;
        if (missing > 0) {
          pending.unshift(ask(request.position + count, missing, request.buffer.subarray(count)));
        } else buffers.release(request.buffer);
      }
    } finally {
      await Promise.allSettled(pending.map((request) => request.answer));
    }
  }

  /** Reads up to `length` bytes into `buffer` and returns their count; 0 at the end of the file. */
  #readAt(
    handle: Uint8Array,
    position: number,
    length: number,
    buffer: Uint8Array,
  ): Promise<number> {
    const reading = this.#call<number>(
      (done) => this.#sftp.read(asBuffer(handle), asBuffer(buffer), 0, length, position, done),
      "content",
    );
    return reading.then((count) => {
      if (count >= 0 && count <= length) return count;
      throw new RangeError("the host sent more bytes than requested");
    });
  }

  #call<T>(
    request: (done: Callback<T>) => unknown,
    kind: keyof typeof PATIENCE_MS = "question",
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (isOver(this.#sftp)) return reject(noResponse());
      if (this.#queue.hasLeft(this)) {
        if (kind === "cleanup") request(() => {});
        return reject(new SessionBlocked());
      }
      const noteAnswer = this.#queue.add(this, PATIENCE_MS[kind], reject);
      try {
        request((error, value) => {
          noteAnswer();
          if (error) reject(error);
          else resolve(value);
        });
      } catch (error) {
        noteAnswer();
        throw error;
      }
    });
  }
}

interface Entry {
  readonly filename: string;
  /** The owner's name, if the host lists it. */
  readonly owner: string | undefined;
  readonly attrs: Attributes;
}

/** Servers send the line of `ls -l` too, which names the owner. Source: OpenSSH sftp-common.c, ls_file. */
const ownerIn = (longname = ""): string | undefined =>
  /^[-a-z][-a-zA-Z]{9}\S? +\d+ +(\S{1,64}) /.exec(longname.slice(0, 200))?.[1];

/** The file systems of Linux allow no longer name. */
const MAX_NAME_BYTES = 255;

/** ssh2 replaces what is not UTF-8 by U+FFFD, so that name names another file. */
const usable = (name: string): boolean =>
  name.length <= MAX_NAME_BYTES && new TextEncoder().encode(name).length <= MAX_NAME_BYTES &&
  !name.includes("\ufffd");

/** Not only `slice()`, whose result would keep the long text in memory. */
const shortName = (name: string): string =>
  name.length <= SHOWN_NAME
    ? name
    : `${new TextDecoder().decode(new TextEncoder().encode(name.slice(0, SHOWN_NAME)))}…`;
const SHOWN_NAME = 60;

/** Fills in attributes that the host left out. Without a mode, nothing counts as a regular file. */
const withDefaults = ({ size = 0, mode = 0, mtime = 0, ...rest }: Attributes): Attributes => ({
  ...rest,
  size,
  mode,
  mtime,
});

function noneAtEnd(error: unknown): undefined {
  if ((error as { code?: unknown }).code !== 1) throw error; // SSH_FX_EOF
}

interface ReadRequest {
  readonly position: number;
  readonly length: number;
  readonly buffer: Uint8Array;
  /** The number of bytes read. */
  readonly answer: Promise<number>;
}

/** Reuses buffers once {@linkcode CHUNK_LIFE} further chunks have been read. */
class BufferRing {
  readonly #released: Uint8Array[] = [];

  take(): Uint8Array {
    const oldest = this.#released.length > CHUNK_LIFE ? this.#released.shift() : undefined;
    return oldest?.length === CHUNK_BYTES ? oldest : new Uint8Array(CHUNK_BYTES);
  }

  release(buffer: Uint8Array): void {
    this.#released.push(buffer);
  }
}

/** Reports whether the session has ended; ssh2 never answers a request sent after that. */
const isOver = (sftp: SFTPWrapper): boolean =>
  // ssh2 sets this when the channel ends; it is not in the types.
  (sftp as { readable?: boolean }).readable === false;

// The same text as ssh2's error for requests that were in flight at the end.
const noResponse = () => new Error("No response from server");

type Done = (error?: Error | null) => void;

// ssh2 requires Buffers; these are views of the same memory.
const asBuffer = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

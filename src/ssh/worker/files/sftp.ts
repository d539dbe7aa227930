import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { Attributes, InputAttributes, SFTPWrapper } from "ssh2";
import { CHUNK_BYTES, CHUNK_LIFE } from "./source_sink.ts";

type Callback<T> = (error: Error | undefined | null, value: T) => void;

/** Requests in flight: enough for 4 MB, more brings nothing with OpenSSH's window of 2 MB. */
const IN_FLIGHT = 16;

/** Kind and mode of what `stat` found, from the bits of POSIX. */
export function fileKind(mode: number): "file" | "directory" | "symlink" | "other" {
  const type = mode & 0o170000;
  if (type === 0o100000) return "file";
  if (type === 0o040000) return "directory";
  return type === 0o120000 ? "symlink" : "other";
}

/** SFTP requests as promises. Rejections are ssh2's errors, with the SFTP status in `code`. */
export class Sftp {
  readonly #sftp: SFTPWrapper;

  constructor(sftp: SFTPWrapper) {
    this.#sftp = sftp;
  }

  async stat(path: string): Promise<Attributes> {
    return whole(await this.#call((done) => this.#sftp.stat(path, done)));
  }

  async lstat(path: string): Promise<Attributes> {
    return whole(await this.#call((done) => this.#sftp.lstat(path, done)));
  }

  async fstat(handle: Uint8Array): Promise<Attributes> {
    return whole(await this.#call((done) => this.#sftp.fstat(asBuffer(handle), done)));
  }

  fsetstat(handle: Uint8Array, attributes: InputAttributes): Promise<void> {
    return this.#call((done) => this.#sftp.fsetstat(asBuffer(handle), attributes, done as Done));
  }

  realPath(path: string): Promise<string> {
    return this.#call((done) => this.#sftp.realpath(path, done));
  }

  /** @param mode of the file when it is made; the host's umask still takes bits away */
  open(path: string, flags: "r" | "wx", mode?: number): Promise<Uint8Array> {
    return this.#call((done) =>
      mode === undefined
        ? this.#sftp.open(path, flags, done)
        : this.#sftp.open(path, flags, mode, done)
    );
  }

  close(handle: Uint8Array): Promise<void> {
    return this.#call((done) => this.#sftp.close(asBuffer(handle), done as Done));
  }

  remove(path: string): Promise<void> {
    return this.#call((done) => this.#sftp.unlink(path, done as Done));
  }

  /** Fails when the new name is taken, where the host follows OpenSSH. */
  rename(from: string, to: string): Promise<void> {
    return this.#call((done) => this.#sftp.rename(from, to, done as Done));
  }

  /** Replaces what has the new name, in one step. Throws when the host lacks the extension. */
  replace(from: string, to: string): Promise<void> {
    return this.#call((done) => this.#sftp.ext_openssh_rename(from, to, done as Done));
  }

  /** Writes all of `chunk` at a position. */
  write(handle: Uint8Array, chunk: Uint8Array, position: number): Promise<void> {
    const buffer = asBuffer(chunk);
    return this.#call((done) =>
      this.#sftp.write(asBuffer(handle), buffer, 0, buffer.length, position, done as Done)
    );
  }

  /**
   * The names in a directory with their attributes; `.` and `..` are left out. Not many more than
   * `limit`: a host can go on for ever.
   */
  async list(path: string, limit: number): Promise<Entry[]> {
    const handle = await this.#call<Uint8Array>((done) => this.#sftp.opendir(path, done));
    const entries: Entry[] = [];
    try {
      // An answer without a name is not the end: `.` and `..` may have been all that it held.
      for (let turn = 0; turn <= limit && entries.length <= limit; turn++) {
        const some = await this.#call<Entry[]>((done) => this.#sftp.readdir(asBuffer(handle), done))
          .catch(noneAtEnd);
        if (some === undefined) break;
        for (const { filename, attrs } of some) entries.push({ filename, attrs: whole(attrs) });
      }
    } finally {
      this.close(handle).catch(() => {});
    }
    return entries;
  }

  /** Where a symbolic link points. */
  readLink(path: string): Promise<string> {
    return this.#call((done) => this.#sftp.readlink(path, done));
  }

  /**
   * Reads from the beginning to the end of file, or to `limit` bytes; requests are pipelined.
   * Short answers are completed, so that chunks come in order and without gaps.
   */
  async *read(handle: Uint8Array, limit: number, start = 0): AsyncGenerator<Uint8Array> {
    const pending: ReadRequest[] = [];
    const buffers = new BufferRing();
    let next = start;
    const ask = (position: number, length: number, buffer: Uint8Array): ReadRequest => {
      const answer = this.#readAt(handle, position, length, buffer);
      answer.catch(() => {}); // told when its turn comes
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
        } else buffers.give(request.buffer);
      }
    } finally {
      await Promise.allSettled(pending.map((request) => request.answer));
    }
  }

  /** Reads up to `length` bytes to the beginning of `buffer`; gives their count, 0 at the end of the file. */
  #readAt(
    handle: Uint8Array,
    position: number,
    length: number,
    buffer: Uint8Array,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      if (isOver(this.#sftp)) return reject(noResponse());
      this.#sftp.read(asBuffer(handle), asBuffer(buffer), 0, length, position, (error, count) => {
        if (error) return reject(error);
        if (count >= 0 && count <= length) return resolve(count);
        reject(new RangeError("the host sent another amount than was asked for"));
      });
    });
  }

  #call<T>(request: (done: Callback<T>) => unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      if (isOver(this.#sftp)) return reject(noResponse());
      request((error, value) => error ? reject(error) : resolve(value));
    });
  }
}

interface Entry {
  readonly filename: string;
  readonly attrs: Attributes;
}

/** A host may leave out what it likes; without a mode nothing is a regular file. */
const whole = ({ size = 0, mode = 0, mtime = 0, ...rest }: Attributes): Attributes => ({
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
  /** Bytes that came. */
  readonly answer: Promise<number>;
}

/** Buffers that are used again once their content has had its life. */
class BufferRing {
  readonly #given: Uint8Array[] = [];

  take(): Uint8Array {
    const oldest = this.#given.length > CHUNK_LIFE ? this.#given.shift() : undefined;
    return oldest?.length === CHUNK_BYTES ? oldest : new Uint8Array(CHUNK_BYTES);
  }

  give(buffer: Uint8Array): void {
    this.#given.push(buffer);
  }
}

/** ssh2 never answers a request that is made after the session's end. */
const isOver = (sftp: SFTPWrapper): boolean =>
  // Not in the types: set by ssh2 when the channel ends.
  (sftp as { readable?: boolean }).readable === false;

/** In the words of ssh2 for requests that were under way then. */
const noResponse = () => new Error("No response from server");

type Done = (error?: Error | null) => void;

// ssh2 asks for Buffers, which are views of the same memory here.
const asBuffer = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Lets a few promises run ahead and tells of the first that failed. */
export class Pipeline {
  readonly #running = new Set<Promise<void>>();
  #failed = false;
  #failure: unknown;

  /** Waits only when enough is under way. @throws what an earlier one was rejected with */
  async add(task: Promise<void>): Promise<void> {
    const tracked = task.catch((error) => {
      if (!this.#failed) this.#failure = error;
      this.#failed = true;
    }).finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
    if (this.#running.size >= IN_FLIGHT) await Promise.race(this.#running);
    if (this.#failed) throw this.#failure;
  }

  /** Waits for all. @throws what one was rejected with */
  async finish(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failed) throw this.#failure;
  }
}

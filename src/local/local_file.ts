import { closeSync, constants, fstatSync, open, read } from "node:fs";
import type { FileIdentity } from "./paths.ts";

/** What is known about an open file. Times are in milliseconds since 1970. */
export interface LocalFacts extends FileIdentity {
  readonly isFile: boolean;
  readonly size: number;
  readonly mtimeMs: number;
  /** Changes also when somebody sets the modification time back. */
  readonly ctimeMs: number;
}

/** A local file, open for reading. */
export class LocalFile implements Disposable {
  readonly #descriptor: number;
  #reading = 0;
  #state: "open" | "closing" | "closed" = "open";

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /**
   * Opens what is at the path, without following a link as its last part. Never waits for the writer of
   * a FIFO, which `Deno.open` does (measured on 2.9.4).
   *
   * @throws Deno.errors.PermissionDenied, Deno.errors.NotFound, or an error with the system's `code`
   */
  static open(path: string): Promise<LocalFile> {
    const { promise, resolve, reject } = Promise.withResolvers<LocalFile>();
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
    open(path, flags, (error, descriptor) => {
      if (error) reject(asDenoError(error));
      else resolve(new LocalFile(descriptor));
    });
    return promise;
  }

  /** Returns what the open file is now, whatever is at its path by then. */
  facts(): LocalFacts {
    const info = fstatSync(this.#descriptor);
    return {
      isFile: info.isFile(),
      dev: info.dev,
      ino: info.ino,
      size: info.size,
      mtimeMs: info.mtime.getTime(),
      ctimeMs: info.ctime.getTime(),
    };
  }

  /** Reads from a position and returns the number of bytes: 0 at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number> {
    if (this.#state !== "open") return Promise.reject(new Deno.errors.BadResource("closed"));
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#reading++;
    read(this.#descriptor, into, 0, into.length, position, (error, count) => {
      this.#reading--;
      this.#closeWhenIdle();
      if (error) reject(error);
      else resolve(count);
    });
    return promise;
  }

  /**
   * Yields a part of the file in chunks; the next one is read while the last is used. A chunk is valid
   * until the next one is requested.
   *
   * @param end exclusive
   * @param tooShort makes the error for a file that ends before `end`
   */
  async *chunks(
    { start, end }: { readonly start: number; readonly end: number },
    chunkBytes: number,
    tooShort: () => Error,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let pending: Promise<number> | undefined;
    try {
      const size = Math.max(1, Math.min(chunkBytes, end - start));
      const first = new Uint8Array(size);
      const second = size < end - start ? new Uint8Array(size) : first;
      let left = end - start;
      const read = (into: Uint8Array) =>
        this.read(into.subarray(0, Math.min(size, left)), end - left);
      for (let turn = 0; left > 0; turn++) {
        const [buffer, other] = turn % 2 === 0 ? [first, second] : [second, first];
        const count = await (pending ?? read(buffer));
        if (count === 0) throw tooShort();
        left -= count;
        pending = left > 0 && other !== buffer ? read(other) : undefined;
        pending?.catch(() => {});
        yield buffer.subarray(0, count);
      }
    } finally {
      await pending?.catch(() => {});
    }
  }

  /** Closes the file once no read is running. May be called more than once. */
  close(): void {
    if (this.#state === "open") this.#state = "closing";
    this.#closeWhenIdle();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The system reuses descriptors: a read that is running would read from another file. */
  #closeWhenIdle(): void {
    if (this.#state !== "closing" || this.#reading > 0) return;
    this.#state = "closed";
    closeSync(this.#descriptor);
  }
}

/** Returns the error that Deno's own functions throw for the same cause. */
export function asDenoError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EACCES" || code === "EPERM") return new Deno.errors.PermissionDenied(message);
  // ELOOP: a link has replaced the file.
  return code === "ENOENT" || code === "ELOOP" ? new Deno.errors.NotFound(message) : error;
}

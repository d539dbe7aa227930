import { closeSync, constants, fstatSync, open, read } from "node:fs";
import type { Identity } from "./local_paths.ts";

/** A file of this machine, open for reading. */
export class LocalFile implements Disposable {
  readonly #descriptor: number;
  #isOpen = true;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /**
   * Opens whatever stands at the path, and never waits for the other end of a FIFO, which
   * `Deno.open` does (2.9.4).
   *
   * @throws an error with the system's `code`, such as `EACCES`
   */
  static open(path: string): Promise<LocalFile> {
    const { promise, resolve, reject } = Promise.withResolvers<LocalFile>();
    open(path, constants.O_RDONLY | constants.O_NONBLOCK, (error, descriptor) => {
      if (error) reject(error);
      else resolve(new LocalFile(descriptor));
    });
    return promise;
  }

  /** What it is now, whatever stands at its path by then. */
  facts(): Identity & { readonly isFile: boolean } {
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

  /** Reads from a position on; gives the number of bytes, 0 at the file's end. */
  read(into: Uint8Array, position: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    read(this.#descriptor, into, 0, into.length, position, (error, count) => {
      if (error) reject(error);
      else resolve(count);
    });
    return promise;
  }

  /** May be called more than once; not while a read is under way. */
  close(): void {
    if (this.#isOpen) closeSync(this.#descriptor);
    this.#isOpen = false;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

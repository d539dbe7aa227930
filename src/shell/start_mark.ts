import { Buffer } from "node:buffer";

/** A script statement that prints the mark. The mark itself is not part of the statement's text. */
export const PRINT_START_MARK = `printf "\\036started\\n"`;

const MARK = Buffer.from("\x1estarted\n");
const MAX_KEPT_BYTES = 2_000;

/**
 * Finds the mark in the stdout of a script that begins with {@linkcode PRINT_START_MARK}. The start-up
 * files of a login shell may print anything before it, with or without a newline.
 */
export class StartMark {
  #before: Uint8Array = new Uint8Array();
  #seen = false;

  get seen(): boolean {
    return this.#seen;
  }

  /** The last 2 kB before the mark. */
  get before(): string {
    return new TextDecoder().decode(this.#before);
  }

  /** Returns the part of the next chunk that follows the mark. */
  after(chunk: Uint8Array): Uint8Array {
    if (this.#seen) return chunk;
    const text = Buffer.concat([this.#before, chunk]);
    const at = text.indexOf(MARK);
    this.#seen = at >= 0;
    this.#before = (this.#seen ? text.subarray(0, at) : text).subarray(-MAX_KEPT_BYTES);
    return this.#seen ? text.subarray(at + MARK.length) : new Uint8Array();
  }
}

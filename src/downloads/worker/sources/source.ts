import type { LeftOut } from "../../port.ts";

/** A part of a file; `end` is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Open content. A chunk is valid until the next one is requested: buffers are reused, so memory stays flat. */
export interface Content {
  readonly chunks: AsyncIterableIterator<Uint8Array>;
  /** Releases everything, also if no chunk was read. Call it once, at the end. */
  close(): Promise<void>;
}

/** The file or directory behind a link. */
export interface Source {
  readonly kind: "file" | "directory";
  readonly origin: "local" | "host" | "container";
  /** The file name that a browser saves; ends in `.zip` for a directory. */
  readonly downloadName: string;
  readonly name: string;
  /** Bytes of the file, or of all files in the directory together. */
  readonly size: number;
  readonly sha256: string | undefined;
  readonly leftOut: LeftOut;
  /** Checks quickly that it is still what was linked. @throws RemoteExecError `changed` */
  verify(): Promise<void>;
  /**
   * Opens the content. A directory is always read completely, whatever the span.
   *
   * @throws RemoteExecError `changed` when it is not what was linked anymore
   */
  open(span: Span): Promise<Content>;
}

/** Max number of entries in a linked directory. */
export const MAX_ENTRIES = 250_000;

/** Counts the names that an archive leaves out, and keeps the first hundred. */
export class LeftOutNames {
  #count = 0;
  readonly #names: string[] = [];

  add(path: string, reason: string): void {
    this.#count++;
    if (this.#names.length < 100) this.#names.push(`${path} (${reason})`);
  }

  list(): LeftOut {
    return { count: this.#count, names: this.#names };
  }
}

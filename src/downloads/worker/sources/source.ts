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

/** What is directly in a directory: how much, and the first names, with `/` at the end of a directory's. */
export interface Contents {
  readonly names: readonly string[];
  readonly count: number;
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
  /** Only for a directory. */
  readonly contents?: Contents;
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

/** Collects the names that are directly in a directory. */
export class ContentsNames {
  readonly #names = new Set<string>();

  /** @param path relative to the directory, with `/` */
  add(path: string, kind: "file" | "directory"): void {
    const [name = "", below] = path.split("/", 2);
    this.#names.add(below === undefined && kind === "file" ? name : `${name}/`);
  }

  list(): Contents {
    const names = [...this.#names];
    names.sort(names.length <= MAX_COLLATED ? collator.compare : undefined);
    return { count: names.length, names: names.slice(0, MAX_SHOWN) };
  }
}

/** Puts `page-2` before `page-10`. */
const collator = new Intl.Collator("en", { numeric: true });
/** More names take too long that way. */
const MAX_COLLATED = 2_000;

/** Names on the page of a link. */
const MAX_SHOWN = 20;

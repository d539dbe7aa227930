import type { LeftOut } from "../../port.ts";

/** A part of a file; `end` is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Content on its way out. A chunk is valid until the next one is asked for: buffers are used again,
 * which keeps memory flat and the processor's caches warm.
 */
export interface Content {
  readonly chunks: AsyncIterableIterator<Uint8Array>;
  /** Releases everything, also when no chunk has been asked for. To be called once, at the end. */
  close(): Promise<void>;
}

/** What stands behind a link. */
export interface Source {
  readonly kind: "file" | "directory";
  readonly origin: "local" | "host" | "container";
  /** Name for the person's disk; a directory's ends in `.zip`. */
  readonly downloadName: string;
  readonly name: string;
  /** Bytes of the file, or of all files in the directory together. */
  readonly size: number;
  readonly sha256: string | undefined;
  readonly leftOut: LeftOut;
  /**
   * Is it still what was linked, as far as that can be told at once?
   *
   * @throws RemoteExecError `changed`
   */
  verify(): Promise<void>;
  /**
   * Opens the content; a directory is always read whole.
   *
   * @throws RemoteExecError `changed` when it is not what was linked any more
   */
  open(span: Span): Promise<Content>;
}

/** Size of the pieces that files are read in. */
export const CHUNK_BYTES = 512 * 1024;

/** Entries that a linked directory may hold. */
export const MAX_ENTRIES = 250_000;

/** Collects the names that are left out; keeps the first hundred. */
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

/**
 * The pieces of a stream. Leaving the loop early cancels the stream; so does `signal`, which also ends a
 * read that waits. None is asked for ahead: the border that it crosses does that, and what is held for a
 * reader who stands still counts for each one of them.
 */
export async function* piecesOf(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  const cancel = () => reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    await cancel();
  }
}

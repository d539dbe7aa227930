import { createHash, type Hash } from "node:crypto";
import type { FileFacts } from "../../port.ts";

/** A source may reuse the buffer of a chunk after this many further chunks have been read. */
export const CHUNK_LIFE = 16;

/** A file that is read sequentially. */
export interface Source {
  /** Size in bytes; undefined if it is unknown before reading. */
  readonly size: number | undefined;
  /** For messages. */
  readonly path: string;
  /** The file's attributes, if opening returned all of them; saves another command for `stat`. */
  readonly facts?: FileFacts;
  /** Returns the size that the file reports now, after it ended early. */
  sizeNow?(): Promise<number>;
  /** The content in order; see {@linkcode CHUNK_LIFE}. */
  chunks(): AsyncIterable<Uint8Array>;
  /** Returns the sha256 of the first `size` bytes as computed on the file's own machine, if possible. */
  remoteSha256?(size: number): Promise<string | undefined>;
  close(): Promise<void>;
}

/** Size and hash of the complete content, for {@linkcode Sink.commit}. */
export interface Finished {
  readonly size: number;
  readonly sha256: string;
}

/** What the destination compared with the sent content. */
export type Proof = "sha256" | "size";

/** A file that is written under a temporary name and renamed at the end. */
export interface Sink {
  /** The final path, links followed. */
  readonly path: string;
  /** After `commit`: the mode of the file if the wanted one could not be set. */
  readonly keptMode?: number | undefined;
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Verifies what was stored, sets owner and mode, and renames the file.
   * Until then the old file is unchanged.
   */
  commit(finished: Finished): Promise<Proof>;
  /** Removes what was stored. Does nothing after `commit`. */
  discard(): Promise<void>;
}

/** Whether a sink replaces an existing file, and the new file's permission bits. */
export interface SinkOptions {
  readonly overwrite: boolean;
  readonly mode: number | undefined;
  /** Called directly before the rename; a rejection discards the new file. */
  readonly beforeRename?: (() => Promise<void>) | undefined;
}

/** Returns a new sha256 hash object. */
export const sha256 = (): Hash => createHash("sha256");

import { createHash, type Hash } from "node:crypto";
import type { FileFacts } from "../../port.ts";

/** 255 KiB is the most that OpenSSH's sftp-server takes in one request; it suits all other ends too. */
export const CHUNK_BYTES = 255 * 1024;

/** A chunk of a source stays as it is until so many further ones have been read. */
export const CHUNK_LIFE = 16;

/** A file that is read from its beginning. */
export interface Source {
  /** Bytes, as far as that is known before reading. */
  readonly size: number | undefined;
  /** For messages. */
  readonly path: string;
  /** What stands there, when opening it has told all of it: asking again would cost another command. */
  readonly facts?: FileFacts;
  /** The content in order; see {@linkcode CHUNK_LIFE}. */
  chunks(): AsyncIterable<Uint8Array>;
  /** The sha256 that the other side computes of its first `size` bytes, if it can. */
  remoteSha256?(size: number): Promise<string | undefined>;
  close(): Promise<void>;
}

/** What a destination is told when all content has been handed over. */
export interface Finished {
  readonly size: number;
  readonly sha256: string;
}

/** How the destination proved that it holds what was sent. */
export type Proof = "sha256" | "size";

/** A file that is written beside its name and takes the name at the end. */
export interface Sink {
  /** Where the file will be, links followed. */
  readonly path: string;
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Checks what was stored, sets owner and mode and gives the file its name.
   * Until then the name keeps its old content.
   */
  commit(finished: Finished): Promise<Proof>;
  /** Removes what was stored. Harmless after `commit`. */
  discard(): Promise<void>;
}

/** How a sink behaves at an existing file, and what mode the new one gets. */
export interface SinkOptions {
  readonly overwrite: boolean;
  readonly mode: number | undefined;
}

export const sha256 = (): Hash => createHash("sha256");

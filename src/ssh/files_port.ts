import type { CopyOutcome, Endpoint, FileFacts } from "./port.ts";

/** Limits of one tree. */
export interface TreeLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** A file, directory or left-out link of a tree; `path` is relative to the tree's root, with `/`. */
export interface TreeEntry {
  readonly path: string;
  /** Links and special files are never followed or read, only named. */
  readonly kind: "file" | "directory" | "link" | "other";
  readonly size: number;
  readonly mtimeMs: number;
  /** Permission bits. */
  readonly mode: number;
}

/** A part of a file, in bytes; `end` is exclusive and the end of the file when left out. */
export interface ByteRange {
  readonly start: number;
  readonly end?: number;
}

/** An opened file: its facts at that moment and its bytes, at the reader's pace. */
export interface OpenedFile {
  readonly facts: FileFacts;
  readonly stream: ReadableStream<Uint8Array>;
}

export interface WriteRequest {
  readonly to: Endpoint;
  readonly maxBytes: number;
  readonly overwrite: boolean;
  readonly mode?: number;
  /** Content that is required: the file is discarded when it is another. */
  readonly size?: number;
  readonly sha256?: string;
}

/**
 * What the ssh worker offers to other workers over a MessagePort, bytes included, so that none of
 * them passes through the main isolate. All ends that the ssh worker can reach may be named.
 * Every failure is a RemoteExecError.
 */
export interface FilesPort {
  stat(endpoint: Endpoint, signal: AbortSignal): Promise<FileFacts>;
  /**
   * Everything below a directory, parents before children.
   *
   * @throws RemoteExecError `too_large` beyond `maxEntries` or `maxBytes`
   */
  tree(
    endpoint: Endpoint,
    limits: TreeLimits,
    signal: AbortSignal,
  ): Promise<TreeEntry[]>;
  /** Opens a regular file. Cancelling the stream closes it; an error of reading errors the stream. */
  read(
    endpoint: Endpoint,
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): Promise<OpenedFile>;
  /** All files of a tree one after the other as a tar stream: for ends where opening each one is slow. */
  readTree(endpoint: Endpoint, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** The lower-case hex sha256 of a file, computed where it lies if that can be. */
  sha256(endpoint: Endpoint, signal: AbortSignal): Promise<string>;
  /** Writes a file as every transfer does: beside its name, verified, renamed. */
  write(
    request: WriteRequest,
    stream: ReadableStream<Uint8Array>,
    signal: AbortSignal,
  ): Promise<CopyOutcome>;
}

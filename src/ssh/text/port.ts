import type { Endpoint, ExecOutcome, ExecProgress, ExecRequest } from "../port.ts";
import type { Encoding, LineEnding } from "./encoding.ts";

/** A file or directory on the SSH host, or in a container. */
export type RemoteEndpoint = Exclude<Endpoint, { readonly kind: "local" }>;

/** A part of a text file. With `tailLines`, the last lines; otherwise `fromLine` (from 1) and `lines`. */
export interface PageRequest {
  readonly from: RemoteEndpoint;
  readonly fromLine: number;
  readonly lines: number | undefined;
  readonly tailLines: number | undefined;
  /** Max Unicode code points of the text. */
  readonly maxCharacters: number;
  /** Larger files are not counted and not hashed. */
  readonly maxBytes: number;
}

/** Complete lines of a text file. */
export interface TextPage {
  /** With the file's own line ends, without a byte order mark. */
  readonly text: string;
  /** Null for the last lines of a file whose lines are not counted. */
  readonly firstLine: number | null;
  readonly lastLine: number | null;
  readonly totalLines: number | null;
  /** True if the page ends before the part that was asked for, because of `maxCharacters`. */
  readonly isCut: boolean;
  /** True if a line is longer than `maxCharacters`: its end is missing, or its start in a tail. */
  readonly hasCutLine: boolean;
  /** True if lines follow; null if that is unknown. */
  readonly hasMore: boolean | null;
  readonly size: number;
  readonly sha256: string | null;
  readonly encoding: Encoding;
  readonly lineEnding: LineEnding;
  /** Permission bits. */
  readonly mode: number;
  /** Name or number. */
  readonly owner: string | null;
  readonly mtimeMs: number;
}

/** A complete file. */
export interface FileContent {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** New content of a file. */
export interface ContentRequest {
  readonly to: RemoteEndpoint;
  readonly bytes: Uint8Array;
  readonly overwrite: boolean;
  /** Permission bits; default: those of the replaced file. */
  readonly mode: number | undefined;
  /** Creates missing parent directories. */
  readonly parents: boolean;
  /** The hash of the content that is replaced. Another content is an error `changed`. */
  readonly expectSha256: string | undefined;
  /**
   * Runs when the new content is in place. Unless it exits with 0, the old file is back under its name.
   * Only for an existing file, and only where commands run.
   */
  readonly check?: ExecRequest | undefined;
}

/** What of the replaced file the new one could not keep. */
export type Lost = "mode" | "owner" | "acl" | "links";

/** The result of writing. */
export interface ContentOutcome {
  readonly sha256: string;
  readonly verified: "sha256" | "size";
  /** Path of the file, links followed. */
  readonly path: string;
  readonly created: boolean;
  /** Permission bits of the file, if known. */
  readonly mode: number | undefined;
  readonly lost: readonly Lost[];
  /** The check's result, if there was one. */
  readonly check?: ExecOutcome | undefined;
  /** False if the check failed and the old file is back. */
  readonly isKept: boolean;
}

/** What to list. */
export interface ListingRequest {
  readonly directory: RemoteEndpoint;
  /** 1: only the directory's own entries. */
  readonly depth: number;
  /** Includes names that begin with a dot. */
  readonly hidden: boolean;
  readonly limit: number;
}

/** One entry of a directory. Links are not followed. */
export interface ListedEntry {
  /** Relative to the directory. */
  readonly path: string;
  readonly kind: "file" | "directory" | "link" | "other";
  readonly size: number;
  readonly mtimeMs: number;
  /** Permission bits. */
  readonly mode: number;
  readonly owner: string;
  /** Of a link. */
  readonly target?: string;
}

/** Entries sorted by path. Entries near the top come before those of lower directories in the limit. */
export interface Listing {
  readonly entries: readonly ListedEntry[];
  /** Entries beyond `limit`. */
  readonly omitted: number;
  /** True if there are more entries than the host was asked for, so that `omitted` is too small. */
  readonly isCut: boolean;
  /** Directories that could not be read. */
  readonly unreadable: readonly string[];
}

/** The calls about text files, part of the ssh worker's port. Every failure is a RemoteExecError. */
export interface TextPort {
  /** @throws RemoteExecError `binary_file`, `not_found`, `invalid_argument` behind the last line, … */
  readPage(request: PageRequest, signal: AbortSignal): Promise<TextPage>;
  /** Reads a complete file. @throws RemoteExecError `too_large`, `not_found`, … */
  readContent(
    from: RemoteEndpoint,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<FileContent>;
  /**
   * Replaces or creates a file; until it is verified, the old one is unchanged.
   *
   * @param progress gets the steps of the check
   */
  writeContent(
    request: ContentRequest,
    signal: AbortSignal,
    progress?: (step: ExecProgress) => void,
  ): Promise<ContentOutcome>;
  listEntries(request: ListingRequest, signal: AbortSignal): Promise<Listing>;
}

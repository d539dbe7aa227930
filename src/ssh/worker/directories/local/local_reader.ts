import { join } from "node:path";
import { errorText, oneLine } from "../../../../errors.ts";
import { CHUNK_BYTES } from "../../../../bytes/byte_reader.ts";
import type { LocalFile } from "../../../../local/local_file.ts";
import type { PathGuard } from "../../../../local/path_guard.ts";
import { sha256 } from "../../files/source_sink.ts";
import type { TreeItem } from "../tree_item.ts";

/** Files up to this size are read as a whole, several at once. */
const SMALL_BYTES = 128 * 1024;
const AT_ONCE = 16;
/** Small files that are read ahead, in bytes together. */
const AHEAD_BYTES = 4 * 1024 * 1024;

/** The content of a file: exactly as many bytes as its item says. */
export interface Content {
  readonly item: TreeItem;
  /** Each chunk is valid until the next one is requested. */
  chunks(): AsyncIterable<Uint8Array>;
  /** The hash of the chunks, or why they are not the content of the file. Set after the last chunk. */
  readonly result: { sha256?: string; problem?: string };
}

/** Opens files below a local directory. */
export class LocalReader {
  readonly #guard: PathGuard;
  readonly #top: string;
  readonly #ahead = new Map<string, Promise<Content>>();
  #isAsked = false;

  /** @param top a resolved path */
  constructor(guard: PathGuard, top: string) {
    this.#guard = guard;
    this.#top = top;
  }

  /** Reads small files until the first content is asked for. */
  async readAhead(items: Iterable<TreeItem>, signal: AbortSignal): Promise<void> {
    const small = [...items].filter(({ kind, size, problem }) =>
      kind === "file" && size <= SMALL_BYTES && problem === undefined
    );
    let bytes = 0;
    for (let at = 0; at < small.length && bytes < AHEAD_BYTES; at += AT_ONCE) {
      if (this.#isAsked || signal.aborted) return;
      const batch = small.slice(at, at + AT_ONCE);
      for (const item of batch) this.#ahead.set(item.path, this.#read(item));
      bytes += batch.reduce((sum, { size }) => sum + size, 0);
      await Promise.all(batch.map(({ path }) => this.#ahead.get(path)));
    }
  }

  /** Yields the contents of files in order; links are skipped. */
  async *contents(items: readonly TreeItem[]): AsyncGenerator<Content> {
    this.#isAsked = true;
    const files = items.filter(({ kind }) => kind === "file");
    for (let at = 0; at < files.length; at += AT_ONCE) {
      const opened = files.slice(at, at + AT_ONCE).map((item) =>
        item.size <= SMALL_BYTES ? this.#small(item) : undefined
      );
      for (const [index, small] of opened.entries()) {
        const item = files[at + index];
        if (item !== undefined) yield await small ?? this.#large(item);
      }
    }
  }

  /** Returns the hash of a file, or undefined if it cannot be read or changes meanwhile. */
  async hash(item: TreeItem, onMove: () => void): Promise<string | undefined> {
    this.#isAsked = true;
    const content = item.size <= SMALL_BYTES ? await this.#small(item) : this.#large(item);
    for await (const _ of content.chunks()) onMove();
    return content.result.problem === undefined ? content.result.sha256 : undefined;
  }

  #small(item: TreeItem): Promise<Content> {
    const ahead = this.#ahead.get(item.path);
    this.#ahead.delete(item.path);
    return ahead ?? this.#read(item);
  }

  async #read(item: TreeItem): Promise<Content> {
    const bytes = new Uint8Array(item.size);
    const result: Content["result"] = {};
    try {
      using file = await this.#open(item);
      let length = 0;
      for (let count = -1; length < bytes.length && count !== 0; length += count) {
        count = await file.read(bytes.subarray(length), length);
      }
      if (!isAsListed(file, item)) result.problem = CHANGED;
    } catch (error) {
      result.problem = reasonOf(error);
    }
    result.sha256 = sha256().update(bytes).digest("hex");
    return { item, result, chunks: () => only(bytes) };
  }

  #large(item: TreeItem): Content {
    const result: Content["result"] = {};
    return { item, result, chunks: () => this.#chunks(item, result) };
  }

  async *#chunks(item: TreeItem, result: Content["result"]): AsyncGenerator<Uint8Array> {
    const hash = sha256();
    let left = item.size;
    try {
      using file = await this.#open(item);
      const chunks = file.chunks({ start: 0, end: item.size }, CHUNK_BYTES, () => new Shrunk());
      for await (const chunk of chunks) {
        left -= chunk.length;
        hash.update(chunk);
        yield chunk;
      }
      if (!isAsListed(file, item)) result.problem = CHANGED;
    } catch (error) {
      result.problem = error instanceof Shrunk ? CHANGED : reasonOf(error);
    }
    // The size was promised before.
    const zeros = new Uint8Array(Math.min(left, CHUNK_BYTES));
    for (; left > 0; left -= Math.min(left, zeros.length)) yield zeros.subarray(0, left);
    result.sha256 = hash.digest("hex");
  }

  async #open({ path }: TreeItem): Promise<LocalFile> {
    const place = join(this.#top, path);
    return await this.#guard.openResolved(place, { shown: path, within: [this.#top] });
  }
}

const CHANGED = "changed while it was read";

class Shrunk extends Error {}

function isAsListed(file: LocalFile, { size, mtime }: TreeItem): boolean {
  const now = file.facts();
  return now.size === size && Math.floor(now.mtimeMs / 1000) === mtime;
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield await Promise.resolve(bytes);
}

const reasonOf = (error: unknown): string => oneLine(errorText(error));

import { createLogger } from "../../src/log.ts";
import { RemoteExecError } from "../../src/errors.ts";
import { expose } from "../../src/rpc/expose.ts";
import { remote } from "../../src/rpc/remote.ts";
import type { FilesPort, TreeEntry } from "../../src/ssh/files_port.ts";
import type { Endpoint, FileFacts } from "../../src/ssh/port.ts";
import { sha256 } from "./fixture.ts";

/** A file of the other side that a test can change. */
export interface FakeFile {
  content: Uint8Array<ArrayBuffer>;
  mtimeMs: number;
  mode: number;
}

/** The other side's files by their paths, handed out as the ssh worker does: over a MessagePort. */
export class FakeFiles implements Disposable {
  readonly entries = new Map<string, FakeFile | "directory" | "link" | "other">();
  /** Every call, as its name and path. */
  readonly calls: string[] = [];
  /** Streams that have been opened and neither read to their end nor cancelled. */
  openStreams = 0;
  /** Thrown by `read` while it is set. */
  failure: RemoteExecError | undefined;
  /** What `sha256` and `tree` wait for. */
  gate: Promise<void> = Promise.resolve();
  /** What `readTree` returns. */
  tar: Uint8Array<ArrayBuffer> = new Uint8Array();
  chunkBytes = 100_000;
  readonly #channel = new MessageChannel();

  /** The end for the code under test. */
  readonly port = remote<FilesPort>(this.#channel.port2).port;

  constructor() {
    const files: Pick<FilesPort, "stat" | "tree" | "read" | "readTree" | "sha256"> = {
      stat: (end) => Promise.resolve(this.#facts("stat", end)),
      tree: async (end, limits) => {
        const entries = this.#tree(end, limits.maxBytes);
        await this.gate;
        return entries;
      },
      read: (end, range) => {
        if (this.failure !== undefined) throw this.failure;
        const facts = this.#facts("read", end);
        const { content } = this.#file(end);
        const opened = { facts, stream: this.#stream(content.slice(range?.start, range?.end)) };
        return Promise.resolve(opened);
      },
      readTree: (end) => {
        this.calls.push(`readTree ${end.path}`);
        const stream = this.#stream(this.tar);
        return Promise.resolve(stream);
      },
      sha256: async (end) => {
        this.calls.push(`sha256 ${end.path}`);
        await this.gate;
        return await sha256(this.#file(end).content);
      },
    };
    expose(files, createLogger("error"), this.#channel.port1);
  }

  file(path: string, content: string | Uint8Array<ArrayBuffer>, mode = 0o644): FakeFile {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const file = { content: bytes, mtimeMs: Date.parse("2025-06-01T10:00:00Z"), mode };
    this.entries.set(path, file);
    return file;
  }

  [Symbol.dispose](): void {
    this.#channel.port1.close();
    this.#channel.port2.close();
  }

  #file(end: Endpoint): FakeFile {
    const found = this.entries.get(end.path);
    if (found === undefined || typeof found === "string") throw missing(end.path);
    return found;
  }

  #facts(call: string, end: Endpoint): FileFacts {
    this.calls.push(`${call} ${end.path}`);
    const found = this.entries.get(end.path);
    if (found === undefined || found === "link") throw missing(end.path);
    if (typeof found === "string") {
      return { kind: found, size: 0, mtimeMs: 0, mode: 0o755, path: end.path };
    }
    const { content, mtimeMs, mode } = found;
    return { kind: "file", size: content.length, mtimeMs, mode, path: end.path };
  }

  #tree(end: Endpoint, maxBytes: number): TreeEntry[] {
    this.calls.push(`tree ${end.path}`);
    const below: TreeEntry[] = [];
    let total = 0;
    for (const [path, found] of this.entries) {
      if (!path.startsWith(`${end.path}/`)) continue;
      const name = path.slice(end.path.length + 1);
      if (typeof found === "string") {
        below.push({ path: name, kind: found, size: 0, mtimeMs: 0, mode: 0o755 });
        continue;
      }
      const { content, mtimeMs, mode } = found;
      total += content.length;
      below.push({ path: name, kind: "file", size: content.length, mtimeMs, mode });
    }
    if (total > maxBytes) throw new RemoteExecError("too_large", "Tree too large", "Take less");
    return below;
  }

  #stream(content: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
    this.openStreams++;
    let at = 0;
    return new ReadableStream({
      pull: (controller) => {
        if (at >= content.length) {
          this.openStreams--;
          return controller.close();
        }
        controller.enqueue(content.slice(at, at + this.chunkBytes));
        at += this.chunkBytes;
      },
      cancel: () => void this.openStreams--,
    }, { highWaterMark: 0 });
  }
}

const missing = (path: string) =>
  new RemoteExecError("not_found", `Remote file does not exist: ${path}`, "Check the path");

import { fileChanged } from "../../errors.ts";
import { type ErrorCode, RemoteExecError } from "../../../errors.ts";
import type { Logger } from "../../../log.ts";
import { contentDisposition, parseRange } from "./headers.ts";
import { leave, type Link, type Visitor } from "../link.ts";
import type { LinkStore } from "../link_store.ts";
import type { Content, Span } from "../sources/source.ts";

/** Max number of simultaneous downloads of one link: download managers open 16 and more. */
const MAX_RUNNING = 32;

/**
 * Max bytes in the buffers of both systems and of a proxy between them: twice those of a connection.
 *
 * Source: Linux 6.18, net.ipv4.tcp_rmem (32 MiB since 6.16, 6 MiB before) and tcp_wmem (4 MiB).
 */
const BUFFERED_BYTES = 2 * (32 + 4) * 1024 * 1024;

/** Codes that mean: the linked file does not exist anymore. */
const GONE: readonly ErrorCode[] = [
  "changed",
  "is_directory",
  "not_a_file",
  "not_found",
  "outside_directories",
  "too_large",
];

/** The headers of a request that choose a part of the content. */
export interface Wanted {
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

interface Head {
  readonly status: 200 | 206;
  readonly headers: Readonly<Record<string, string>>;
}

/** The outcome of a request. The listener turns all but `content` into a page or a text. */
export type Delivery =
  | (Head & {
    readonly kind: "content";
    /** Null for HEAD. */
    readonly body: ReadableStream<Uint8Array> | null;
    /** The secret of the claim; only in the answer that makes the claim. */
    readonly claimSecret?: string;
  })
  | { readonly kind: "unsatisfiable"; readonly size: number }
  | { readonly kind: "dead" }
  | { readonly kind: "changed"; readonly reason: string }
  | { readonly kind: "unavailable" };

/** Sends the content of links, to one claimant each. */
export class Deliveries {
  readonly #store: LinkStore;
  readonly #logger: Logger;

  constructor(store: LinkStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /** Returns the headers of the answer without content. Claims nothing. */
  head(link: Link, wanted: Wanted): Delivery {
    const span = spanOf(link, wanted);
    if (span === "unsatisfiable") return { kind: "unsatisfiable", size: link.source.size };
    return { kind: "content", ...headOf(link, span), body: null };
  }

  /** Returns undefined if the file is still the linked one. A changed file ends the link. */
  async check(link: Link): Promise<Delivery | undefined> {
    try {
      await link.source.verify();
      return undefined;
    } catch (error) {
      return this.#failed(link, error);
    }
  }

  /**
   * Claims the link for the first visitor and returns the content. Other visitors get `dead`.
   *
   * @param received reports how the answer ended; by default, what was sent counts as received
   */
  async take(
    link: Link,
    visitor: Visitor,
    wanted: Wanted,
    received: () => Promise<boolean> = () => Promise.resolve(true),
  ): Promise<Delivery> {
    const span = spanOf(link, wanted);
    if (span === "unsatisfiable") return { kind: "unsatisfiable", size: link.source.size };
    if (link.running >= MAX_RUNNING) {
      this.#store.journal.note(link, "unavailable", { code: "busy" });
      return { kind: "unavailable" };
    }
    // Nothing is awaited between check and claim, so that only one of many simultaneous requests wins.
    if (!this.#store.mayTake(link, visitor)) return { kind: "dead" };
    const claimSecret = this.#store.needsClaim(link, visitor)
      ? this.#store.claim(link, visitor)
      : undefined;
    const part = span ?? { start: 0, end: link.source.size };
    link.stopGrace?.();
    link.covered.request(part.start, link.running > 0);
    link.running++;
    try {
      const content = await this.#open(link, part);
      if (content === undefined) return { kind: "dead" };
      this.#store.served(link);
      const body = this.#stream(link, content, span, received);
      const head = headOf(link, span);
      return {
        kind: "content",
        ...head,
        body,
        ...(claimSecret === undefined ? {} : { claimSecret }),
      };
    } catch (error) {
      leave(link);
      const delivery = this.#failed(link, error);
      if (delivery.kind === "unavailable") this.#store.release(link);
      return delivery;
    }
  }

  /**
   * Opens the content and waits for its first chunk: until then a failure can still be reported by the
   * status. Returns undefined when the link has ended meanwhile.
   */
  async #open(link: Link, span: Span): Promise<Content | undefined> {
    const content = await link.source.open(span);
    try {
      const first = await content.chunks.next();
      if (link.ending === undefined) {
        return { chunks: startingWith(first, content.chunks), close: () => content.close() };
      }
      await content.close();
      leave(link);
      return undefined;
    } catch (error) {
      await content.close();
      throw error;
    }
  }

  #failed(link: Link, error: unknown): Delivery {
    if (error instanceof RemoteExecError && GONE.includes(error.code)) {
      this.#store.end(link, "changed");
      return { kind: "changed", reason: fileChanged().message };
    }
    this.#logger.warn("a linked file could not be opened", error);
    this.#store.journal.note(link, "unavailable", {
      code: error instanceof RemoteExecError ? error.code : "internal",
    });
    return { kind: "unavailable" };
  }

  /**
   * Returns the content as a stream without a queue of its own: when the next chunk is requested, the
   * operating system has accepted the one before.
   */
  #stream(
    link: Link,
    content: Content,
    span: Span | undefined,
    received: () => Promise<boolean>,
  ): ReadableStream<Uint8Array> {
    const start = span?.start ?? 0;
    const receipt = received();
    let pending = 0;
    let sent = 0;
    let isOver = false;
    const finish = async (isSent: boolean, error?: unknown) => {
      if (isOver) return;
      isOver = true;
      const span = { start, end: start + sent };
      const end = this.#end(link, { ...span, pending }, isSent && receipt, error);
      link.unconfirmed.add(end);
      end.finally(() => link.unconfirmed.delete(end));
      await content.close().catch((cause) => this.#logger.warn("closing failed", cause));
    };
    return new ReadableStream<Uint8Array>({
      start(controller) {
        link.abort.signal.addEventListener("abort", () => {
          if (isOver) return;
          controller.error(fileChanged());
          finish(false);
        }, { once: true });
      },
      pull: async (controller) => {
        sent += pending;
        this.#store.count(pending);
        pending = 0;
        try {
          const { done, value } = await content.chunks.next();
          if (isOver) return;
          if (done) {
            await finish(true);
            return controller.close();
          }
          pending = value.length;
          controller.enqueue(value);
        } catch (error) {
          if (isOver) return;
          controller.error(error);
          await finish(false, error);
        }
      },
      cancel: () => finish(false),
    }, { highWaterMark: 0 });
  }

  /**
   * Counts what the client has received of a download, when that is known. The operating system may have
   * accepted a part of the `pending` bytes after the span.
   */
  async #end(
    link: Link,
    { start, end, pending }: Span & { readonly pending: number },
    receipt: false | Promise<boolean>,
    error?: unknown,
  ): Promise<void> {
    const isReceived = receipt !== false && await receipt;
    leave(link);
    const isFile = link.source.kind === "file";
    if (isReceived) {
      if (isFile) link.covered.add(start, end);
      const { isProven, isComplete } = link.covered;
      const isWhole = !isFile || isProven || (isComplete && link.running === 0);
      if (isWhole) this.#store.end(link, "used", { bytes: end - start });
      else this.#store.journal.note(link, "part_delivered", { bytes: end - start });
      return this.#store.endUnlessResumed(link);
    }
    const sure = Math.max(0, end - start - BUFFERED_BYTES);
    this.#store.count(sure - (end - start));
    if (isFile) {
      link.covered.add(start, start + sure);
      link.covered.interrupt(start, end + pending, error === undefined);
    }
    this.#store.journal.note(link, "interrupted", { bytes: sure });
    this.#store.endUnlessResumed(link);
    if (error === undefined) return;
    if (error instanceof RemoteExecError && GONE.includes(error.code)) {
      this.#store.end(link, "changed");
    }
    this.#logger.warn("a download was interrupted", error);
  }
}

/** Yields the first chunk, which has been read already, and then the rest. */
function startingWith<T>(
  first: IteratorResult<T, unknown>,
  rest: AsyncIterableIterator<T>,
): AsyncIterableIterator<T> {
  let isFirst = true;
  return {
    next() {
      if (!isFirst) return rest.next();
      isFirst = false;
      return Promise.resolve(first);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Returns the requested part. A file is sent in parts only while its ETag is unchanged. */
function spanOf(link: Link, { range, ifRange }: Wanted): Span | "unsatisfiable" | undefined {
  if (link.source.kind === "directory") return undefined;
  if (ifRange !== undefined && ifRange !== etagOf(link)) return undefined;
  return parseRange(range, link.source.size);
}

function headOf(link: Link, span: Span | undefined): Head {
  const { kind, size, downloadName } = link.source;
  const headers = {
    "Content-Type": kind === "directory" ? "application/zip" : "application/octet-stream",
    "Content-Disposition": contentDisposition(downloadName),
    // Otherwise nginx takes as much as it can store, and what was received is not known here.
    "X-Accel-Buffering": "no",
  };
  // An archive is made while it is sent: its length is unknown, and it cannot be resumed.
  if (kind === "directory") return { status: 200, headers };
  const file = { ...headers, "Accept-Ranges": "bytes", "ETag": etagOf(link) };
  if (span === undefined) return { status: 200, headers: { ...file, "Content-Length": `${size}` } };
  return {
    status: 206,
    headers: {
      ...file,
      "Content-Length": `${span.end - span.start}`,
      "Content-Range": `bytes ${span.start}-${span.end - 1}/${size}`,
    },
  };
}

const etagOf = ({ source, id }: Link): string => `"${source.sha256 ?? id}"`;

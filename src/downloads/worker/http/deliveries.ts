import { fileChanged } from "../../errors.ts";
import { type ErrorCode, RemoteExecError } from "../../../errors.ts";
import type { Logger } from "../../../log.ts";
import { contentDisposition, parseRange } from "./headers.ts";
import type { Link, Visitor } from "../link.ts";
import type { LinkStore } from "../link_store.ts";
import type { Content, Span } from "../sources/source.ts";

/** Downloads of one link at the same time, as some download managers make. */
const MAX_RUNNING = 8;

/** Codes that say: what was linked is not there any more. */
const GONE: readonly ErrorCode[] = [
  "changed",
  "is_directory",
  "not_a_file",
  "not_found",
  "outside_directories",
  "too_large",
];

/** What a request asks of a link's content. */
export interface Wanted {
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

interface Head {
  readonly status: 200 | 206;
  readonly headers: Readonly<Record<string, string>>;
}

/** What became of it. The listener turns all but the first into pages or texts. */
export type Delivery =
  | (Head & {
    readonly kind: "content";
    /** Null for HEAD. */
    readonly body: ReadableStream<Uint8Array> | null;
    /** What the claimant shows when it comes again; only with the claim itself. */
    readonly claimSecret?: string;
  })
  | { readonly kind: "unsatisfiable"; readonly size: number }
  | { readonly kind: "dead" }
  | { readonly kind: "changed"; readonly reason: string }
  | { readonly kind: "unavailable" };

/** Hands over what stands behind links, once each. */
export class Deliveries {
  readonly #store: LinkStore;
  readonly #logger: Logger;

  constructor(store: LinkStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /** The answer's head alone; claims nothing. */
  head(link: Link, wanted: Wanted): Delivery {
    const span = spanOf(link, wanted);
    if (span === "unsatisfiable") return { kind: "unsatisfiable", size: link.source.size };
    return { kind: "content", ...headOf(link, span), body: null };
  }

  /** Is the file behind the link still the one that was linked? A changed one ends the link. */
  async check(link: Link): Promise<Delivery | undefined> {
    try {
      await link.source.verify();
      return undefined;
    } catch (error) {
      return this.#failed(link, error);
    }
  }

  /** The content, for the first who asks and for nobody else after that. */
  async take(link: Link, visitor: Visitor, wanted: Wanted): Promise<Delivery> {
    const span = spanOf(link, wanted);
    if (span === "unsatisfiable") return { kind: "unsatisfiable", size: link.source.size };
    if (link.running >= MAX_RUNNING) {
      this.#store.note(link, "unavailable", { code: "busy" });
      return { kind: "unavailable" };
    }
    // Nothing is awaited between the question and the claim, so that one of many at once wins.
    if (!this.#store.mayTake(link, visitor)) return { kind: "dead" };
    const claimSecret = link.claim === undefined ? this.#store.claim(link, visitor) : undefined;
    link.running++;
    try {
      const content = await this.#open(link, span ?? { start: 0, end: link.source.size });
      if (content === undefined) return { kind: "dead" };
      this.#store.served(link);
      const body = this.#stream(link, content, span);
      const head = headOf(link, span);
      return {
        kind: "content",
        ...head,
        body,
        ...(claimSecret === undefined ? {} : { claimSecret }),
      };
    } catch (error) {
      link.running--;
      const delivery = this.#failed(link, error);
      if (delivery.kind === "unavailable") this.#store.release(link);
      return delivery;
    }
  }

  /**
   * Opens the content and waits for its first piece: until then a failure can still be told. Gives
   * nothing when the link was ended meanwhile.
   */
  async #open(link: Link, span: Span): Promise<Content | undefined> {
    const content = await link.source.open(span);
    try {
      const first = await content.chunks.next();
      if (link.ending === undefined) {
        return { chunks: startingWith(first, content.chunks), close: () => content.close() };
      }
      await content.close();
      link.running--;
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
    this.#store.note(link, "unavailable", {
      code: error instanceof RemoteExecError ? error.code : "internal",
    });
    return { kind: "unavailable" };
  }

  /**
   * The content as a stream without a queue of its own: when it is asked for the next chunk, the one
   * before has been handed to the operating system.
   */
  #stream(link: Link, content: Content, span: Span | undefined): ReadableStream<Uint8Array> {
    let position = span?.start ?? 0;
    let pending = 0;
    let sent = 0;
    let isOver = false;
    const confirm = () => {
      this.#store.handedOver(link, position, position + pending);
      position += pending;
      sent += pending;
      pending = 0;
    };
    const finish = async (outcome: "complete" | "interrupted", error?: unknown) => {
      if (isOver) return;
      isOver = true;
      link.running--;
      this.#ended(link, outcome, sent, error);
      await content.close().catch((cause) => this.#logger.warn("closing failed", cause));
    };
    return new ReadableStream<Uint8Array>({
      start(controller) {
        link.abort.signal.addEventListener("abort", () => {
          if (isOver) return;
          controller.error(fileChanged());
          finish("interrupted");
        }, { once: true });
      },
      async pull(controller) {
        confirm();
        try {
          const { done, value } = await content.chunks.next();
          if (isOver) return;
          if (done) {
            await finish("complete");
            return controller.close();
          }
          pending = value.length;
          controller.enqueue(value);
        } catch (error) {
          if (isOver) return;
          controller.error(error);
          await finish("interrupted", error);
        }
      },
      cancel: () => finish("interrupted"),
    }, { highWaterMark: 0 });
  }

  #ended(link: Link, outcome: "complete" | "interrupted", bytes: number, error?: unknown): void {
    if (outcome === "complete") {
      const isWhole = link.source.kind === "directory" || link.covered.isComplete;
      if (isWhole) this.#store.end(link, "used", { bytes });
      else this.#store.note(link, "part_delivered", { bytes });
      return;
    }
    this.#store.note(link, "interrupted", { bytes });
    if (error === undefined) return;
    if (error instanceof RemoteExecError && GONE.includes(error.code)) {
      this.#store.end(link, "changed");
    }
    this.#logger.warn("a download was broken off", error);
  }
}

/** The same pieces, of which the first has been taken already. */
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

/** The part that is asked for. Only a file whose validator still holds is given in parts. */
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
  };
  // An archive is made while it is sent: its length is not known, and it cannot be taken up again.
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

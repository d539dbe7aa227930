import { createHash, type Hash } from "node:crypto";
import { deadline } from "../../async/deadline.ts";
import { delay } from "../../async/delay.ts";
import type { Clock } from "../../async/clock.ts";
import { errorText } from "../../errors.ts";

/** A connection that delivers no byte for this long is replaced. */
const STALL_MS = 30_000;
const MAX_CUTS = 6;
/** After this many bytes the count of cuts starts again. Less would let a service send one byte per connection. */
const PROGRESS_BYTES = 65_536;
const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 4_000;

/** A body that can be requested again from any byte on. */
export interface ResumableBodyOptions {
  /** The body of the first response. */
  readonly first: ReadableStream<Uint8Array>;
  /** Length of the complete content in bytes. */
  readonly size: number;
  /** Requests the same content from this byte on. */
  readonly from: (offset: number) => Promise<ReadableStream<Uint8Array>>;
  /** Reports whether an error ends the download; any other counts as a cut of the connection. */
  readonly isFinal: (error: unknown) => boolean;
  /** Makes the error of a connection that was cut too often. */
  readonly lost: (offset: number, cause: string) => unknown;
  /** Makes the error of content that is too long or has another MD5. */
  readonly damaged: (offset: number) => unknown;
  /** Lower-case hex of the complete content, when it is known. */
  readonly md5?: string | undefined;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/**
 * Returns a stream of exactly `size` bytes, read at its consumer's pace. A connection that ends early
 * or stalls is replaced, up to six times until it delivers 64 KiB again. The stream ends in an error of
 * `lost` or `damaged`, a final error of `from`, or the signal's reason.
 */
export function resumableBody(options: ResumableBodyOptions): ReadableStream<Uint8Array> {
  const body = new ResumableBody(options);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = await body.next();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
    cancel: () => body.cancel(),
  }, { highWaterMark: 0 });
}

class ResumableBody {
  readonly #options: ResumableBodyOptions;
  readonly #hash: Hash | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #offset = 0;
  #cuts = 0;
  #cutAt = 0;

  constructor(options: ResumableBodyOptions) {
    this.#options = options;
    this.#hash = options.md5 === undefined ? undefined : createHash("md5");
    this.#reader = options.first.getReader();
  }

  async next(): Promise<Uint8Array | undefined> {
    const { size, md5, damaged } = this.#options;
    while (this.#offset < size) {
      const chunk = await this.#attempt();
      if (chunk === undefined) continue;
      this.#offset += chunk.length;
      if (this.#offset > size) throw damaged(this.#offset);
      if (this.#offset - this.#cutAt >= PROGRESS_BYTES) this.#cuts = 0;
      this.#hash?.update(chunk);
      return chunk;
    }
    await this.#expectEnd();
    if (this.#hash !== undefined && this.#hash.digest("hex") !== md5) throw damaged(this.#offset);
    return undefined;
  }

  async cancel(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    await reader?.cancel().catch(() => {});
  }

  /** Returns the next chunk, or undefined when the connection has to be replaced. */
  async #attempt(): Promise<Uint8Array | undefined> {
    const { signal, from, isFinal } = this.#options;
    try {
      this.#reader ??= (await from(this.#offset)).getReader();
      const { value, done } = await this.#read(this.#reader);
      if (!done) return value.length > 0 ? value : undefined;
      await this.#cut("the connection ended early");
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (isFinal(error)) throw error;
      await this.#cut(errorText(error));
    }
    return undefined;
  }

  async #read(reader: ReadableStreamDefaultReader<Uint8Array>) {
    const { clock, signal } = this.#options;
    return await deadline(reader.read(), STALL_MS, { clock, signal, late: stalled });
  }

  async #cut(cause: string): Promise<void> {
    const { signal, clock, lost } = this.#options;
    await this.cancel();
    this.#cuts += 1;
    this.#cutAt = this.#offset;
    if (this.#cuts > MAX_CUTS) throw lost(this.#offset, cause);
    await delay(Math.min(FIRST_PAUSE_MS * 2 ** (this.#cuts - 1), MAX_PAUSE_MS), { clock, signal });
  }

  /** All bytes have arrived. A connection that breaks now does no harm, but more bytes would. */
  async #expectEnd(): Promise<void> {
    const reader = this.#reader;
    const more = reader && await this.#read(reader).catch(() => undefined);
    await this.cancel();
    const length = more?.value?.length ?? 0;
    if (length > 0) throw this.#options.damaged(this.#offset + length);
  }
}

const stalled = (limitMs: number) => new Error(`it stalled for ${limitMs / 1000} s`);

/** The body of a response without content. */
export const emptyBody = (): ReadableStream<Uint8Array> => new Blob([]).stream();

/**
 * Returns the body as long as it has at most `maxBytes`: a broken or foreign service could send
 * endlessly.
 *
 * @throws TypeError within the stream, as for a connection that broke
 */
function boundedBody(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let seen = 0;
  return body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        seen += chunk.length;
        if (seen > maxBytes) throw new TypeError("the answer is too long");
        controller.enqueue(chunk);
      },
    }),
  );
}

/** Returns the text of a response. @throws TypeError when it has more than `maxBytes` */
export const boundedText = (response: Response, maxBytes: number): Promise<string> =>
  response.body === null
    ? Promise.resolve("")
    : new Response(boundedBody(response.body, maxBytes)).text();

/** Returns the same response with a body of at most `maxBytes`. */
export function boundedResponse(response: Response, maxBytes: number): Response {
  const { status, statusText, headers, body } = response;
  if (body === null) return response;
  return new Response(boundedBody(body, maxBytes), { status, statusText, headers });
}

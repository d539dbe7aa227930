import { repeated, type Repeating, responseFailure, ServiceFailure } from "./retry.ts";
import { withinLimit } from "../wait.ts";

/** How often a broken delivery is taken up again where it ended. */
const RESUMPTIONS = 5;
/** For the head of an answer, and for each piece of it. */
const HEAD_MS = 30_000;
const STALL_MS = 30_000;

const stoodStill = () => new TypeError("it stood still for 30 s");

/** A delivery to be fetched. */
export interface Delivery extends Repeating {
  readonly fetch: typeof fetch;
  readonly url: string;
  /** Bytes that the service says it has stored. */
  readonly size: number;
}

/**
 * The stored bytes at their reader's pace. A connection that ends early is taken up again with a
 * range, as long as the content is still the same; the stream never ends short or long.
 *
 * The stream's errors are {@linkcode ServiceFailure} or the signal's reason, as `wrap` words them.
 * @throws ServiceFailure when not even the first answer is good
 */
export async function openDelivery(
  delivery: Delivery,
  wrap: (error: unknown) => unknown,
): Promise<ReadableStream<Uint8Array>> {
  const state = new ResumableBody(delivery);
  await state.open();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const chunk = await state.read();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      } catch (error) {
        controller.error(wrap(error));
      }
    },
    cancel: () => state.cancel(),
  }, { highWaterMark: 0 });
}

class ResumableBody {
  readonly #delivery: Delivery;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #tag: string | null = null;
  #done = 0;
  #left = RESUMPTIONS;

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
  }

  /** Asks for what is still missing. */
  async open(): Promise<void> {
    const response = await repeated(this.#delivery, () => this.#request());
    const tag = response.headers.get("etag");
    if (this.#done > 0 && (response.status !== 206 || tag !== this.#tag)) {
      await response.body?.cancel();
      throw new ServiceFailure(response.status, "the file changed while it was fetched");
    }
    this.#tag = tag;
    this.#reader = response.body?.getReader();
  }

  /** The next bytes, or undefined at the end. */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const chunk = await this.#chunk();
      if (chunk !== undefined) {
        this.#done += chunk.length;
        if (this.#done > this.#delivery.size) throw this.#wrongLength("more than");
        return chunk;
      }
      if (this.#done === this.#delivery.size) return undefined;
      if (this.#left-- <= 0 || this.#tag === null) throw this.#wrongLength("only");
      await this.open();
    }
  }

  async cancel(): Promise<void> {
    await this.#reader?.cancel().catch(() => {});
  }

  /** Undefined at the end, and where the connection broke. */
  async #chunk(): Promise<Uint8Array | undefined> {
    const { clock, signal } = this.#delivery;
    try {
      const next = async () => (await this.#reader?.read())?.value;
      return await withinLimit(clock, STALL_MS, signal, stoodStill, next);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!(error instanceof TypeError)) throw error;
      await this.cancel();
      return undefined;
    }
  }

  async #request(): Promise<Response> {
    const { fetch, url, clock, signal } = this.#delivery;
    const headers = {
      // Compressed bytes would have another length, and ranges of them another meaning.
      "accept-encoding": "identity",
      ...(this.#done === 0 ? {} : { range: `bytes=${this.#done}-`, "if-range": this.#tag ?? "" }),
    };
    const response = await withinLimit(
      clock,
      HEAD_MS,
      signal,
      stoodStill,
      (both) => fetch(url, { signal: both, redirect: "error", headers }),
    );
    if (response.ok) return response;
    await response.body?.cancel();
    throw responseFailure(response);
  }

  #wrongLength(how: string): ServiceFailure {
    const { size } = this.#delivery;
    return new ServiceFailure(undefined, `${how} ${this.#done} of ${size} bytes arrived`);
  }
}

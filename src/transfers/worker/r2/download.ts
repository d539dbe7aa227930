import { createHash, type Hash } from "node:crypto";
import type { Clock } from "../../../async/clock.ts";
import { errorText, RemoteExecError } from "../../../errors.ts";
import { objectDamaged } from "../../errors.ts";
import { pause, withinLimit } from "../wait.ts";

/** A connection that gives nothing for so long is given up and made anew. */
const STALL_MS = 30_000;
const MOST_CUTS = 6;
/** A connection that brings less than this has not moved: one byte each would take for ever. */
const MOVED_BYTES = 65_536;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 4_000;

/** A body that can be asked for again from any byte on. */
export interface Resumable {
  readonly first: ReadableStream<Uint8Array>;
  readonly size: number;
  /** The same object from this byte on. @throws RemoteExecError when it is gone, changed or over */
  readonly from: (offset: number) => Promise<ReadableStream<Uint8Array>>;
  /** What to say when it has been cut too often without moving. */
  readonly lost: (offset: number, cause: string) => RemoteExecError;
  readonly label: string;
  /** Lower-case hex that the whole must have. */
  readonly md5: string | undefined;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/**
 * Exactly `size` bytes, over as many connections as it takes. A connection that ends early or stands
 * still is replaced; one that moves begins a new count. Ends in an error when `md5` does not fit.
 */
export function resumingStream(job: Resumable): ReadableStream<Uint8Array> {
  const body = new ResumingBody(job);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = await body.next();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
    cancel: () => body.cancel(),
  }, { highWaterMark: 0 });
}

class ResumingBody {
  readonly #job: Resumable;
  readonly #hash: Hash | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #offset = 0;
  #cuts = 0;
  #cutAt = 0;

  constructor(job: Resumable) {
    this.#job = job;
    this.#hash = job.md5 === undefined ? undefined : createHash("md5");
    this.#reader = job.first.getReader();
  }

  async next(): Promise<Uint8Array | undefined> {
    const { size, label, md5 } = this.#job;
    while (this.#offset < size) {
      const chunk = await this.#attempt();
      if (chunk === undefined) continue;
      this.#offset += chunk.length;
      if (this.#offset - this.#cutAt >= MOVED_BYTES) this.#cuts = 0;
      this.#hash?.update(chunk);
      if (this.#offset > size) throw objectDamaged(label);
      return chunk;
    }
    await this.cancel();
    if (this.#hash !== undefined && this.#hash.digest("hex") !== md5) throw objectDamaged(label);
    return undefined;
  }

  async cancel(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    await reader?.cancel().catch(() => {});
  }

  /** The next chunk, or undefined when the connection has to be made anew. */
  async #attempt(): Promise<Uint8Array | undefined> {
    const { signal, clock, from } = this.#job;
    try {
      this.#reader ??= (await from(this.#offset)).getReader();
      const reader = this.#reader;
      const { value, done } = await withinLimit(
        clock,
        STALL_MS,
        signal,
        stalled,
        () => reader.read(),
      );
      if (!done) return value.length > 0 ? value : undefined;
      await this.#cut("the connection ended early");
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof RemoteExecError && error.code !== "unreachable") throw error;
      await this.#cut(errorText(error));
    }
    return undefined;
  }

  async #cut(cause: string): Promise<void> {
    const { signal, clock, lost } = this.#job;
    await this.cancel();
    this.#cuts += 1;
    this.#cutAt = this.#offset;
    if (this.#cuts > MOST_CUTS) throw lost(this.#offset, cause);
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (this.#cuts - 1), LONGEST_PAUSE_MS);
    await pause(clock, pauseMs, signal);
  }
}

const stalled = () => new Error(`it stood still for ${STALL_MS / 1000} s`);

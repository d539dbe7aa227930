import { setTimeout as delay } from "node:timers/promises";

/** The direction of bytes: from the client to the target, or back. */
export type Direction = "to_target" | "to_client";

/** The target of the proxy and its delay. */
export interface DelayProxyOptions {
  readonly targetPort: number;
  /** Added to every byte in each direction; a round trip costs twice this. */
  readonly oneWayMs: number;
  /** Accepts connections and never answers; the target does not see them. */
  readonly isSilent?: boolean;
}

/** Counters of the bytes that entered the proxy, over all connections so far. */
export interface Traffic {
  readonly connections: number;
  readonly bytes: Readonly<Record<Direction, number>>;
  /**
   * Changes of direction: a flight is everything sent one way before something is sent the other way.
   * A question and its answer are two flights, so half of this is about the number of round trips.
   */
  readonly flights: number;
}

/** More than any bandwidth-delay product in the tests. Bounds the memory when a reader is slow. */
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
const READ_BYTES = 256 * 1024;

/** Starts a TCP proxy on a free loopback port that delays all traffic with 127.0.0.1:`targetPort`. */
export function startDelayProxy(options: DelayProxyOptions): DelayProxy {
  return new DelayProxy(options);
}

/** A delayed link that can be cut or go dead. */
export class DelayProxy implements AsyncDisposable {
  readonly port: number;
  readonly #options: DelayProxyOptions;
  readonly #listener: Deno.TcpListener;
  readonly #links = new Set<Link>();
  readonly #work = new Set<Promise<void>>();
  readonly #bytes = { to_target: 0, to_client: 0 };
  readonly #budget = { to_target: Infinity, to_client: Infinity };
  readonly #gate = new Gate();
  #connections = 0;
  #flights = 0;
  #isClosed = false;

  constructor(options: DelayProxyOptions) {
    this.#options = options;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.#track(this.#accept());
  }

  /** Returns the present counters. */
  traffic(): Traffic {
    return {
      connections: this.#connections,
      bytes: { ...this.#bytes },
      flights: this.#flights,
    };
  }

  /** Drops all connections; bytes in transit are lost. New connections are accepted. */
  cut(): void {
    for (const link of this.#links) link.cut();
  }

  /**
   * Delivers exactly `bytes` more (at least 1) in one direction, then cuts the connections once.
   * `bytes` counts all connections together.
   */
  cutAfter(direction: Direction, bytes: number): void {
    this.#budget[direction] = bytes;
  }

  /** Accepts bytes but delivers nothing, not even the end of a stream, until thaw(). */
  freeze(): void {
    this.#gate.shut();
  }

  /** Delivers what freeze() held back and resumes. */
  thaw(): void {
    this.#gate.open();
  }

  /** Stops listening, drops all connections and waits until all work has ended. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.close();
    this.cut();
    await Promise.all(this.#work);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      this.#connections++;
      this.#track(this.#serve(client));
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    const target = this.#options.isSilent ? null : await this.#connect();
    if (target === undefined) return client.close();
    const link = new Link(client, target);
    this.#links.add(link);
    if (this.#isClosed) link.cut();
    const ways = target
      ? [
        this.#carry(link, "to_target", client, target),
        this.#carry(link, "to_client", target, client),
      ]
      : [this.#swallow(link)];
    await Promise.all(ways.map((way) => way.catch(() => link.cut())));
    link.cut();
    this.#links.delete(link);
  }

  /** Returns undefined if the target does not listen. */
  #connect(): Promise<Deno.TcpConn | undefined> {
    const port = this.#options.targetPort;
    return Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
  }

  /** Reads and discards everything. */
  async #swallow(link: Link): Promise<void> {
    for await (const { bytes } of this.#parcels(link, "to_target", link.client)) {
      if (bytes.length === 0) return;
    }
  }

  /** Carries one direction of a link to its end. Rejects if an end is gone or the link is cut. */
  async #carry(
    link: Link,
    direction: Direction,
    from: Deno.TcpConn,
    to: Deno.TcpConn,
  ): Promise<void> {
    // Small writes must not wait for an acknowledgement, because only the proxy makes the delay.
    to.setNoDelay(true);
    for await (const { dueAtMs, bytes } of this.#parcels(link, direction, from)) {
      const earlyMs = dueAtMs - performance.now();
      if (earlyMs > 0) await delay(earlyMs, undefined, { signal: link.signal });
      await this.#gate.passage(link);
      if (bytes.length === 0) return await to.closeWrite();
      await this.#deliver(direction, to, bytes);
    }
  }

  /** Returns the incoming bytes with the time when they may leave. An empty parcel is the end of the stream. */
  #parcels(link: Link, direction: Direction, from: Deno.TcpConn): ReadableStream<Parcel> {
    const buffer = new Uint8Array(READ_BYTES);
    const pull = async (controller: ReadableStreamDefaultController<Parcel>) => {
      const count = await from.read(buffer) ?? 0;
      this.#count(link, direction, count);
      const dueAtMs = performance.now() + this.#options.oneWayMs;
      controller.enqueue({ dueAtMs, bytes: buffer.slice(0, count) });
      if (count === 0) controller.close();
    };
    const size = ({ bytes }: Parcel) => bytes.length;
    return new ReadableStream({ pull }, { highWaterMark: MAX_QUEUED_BYTES, size });
  }

  #count(link: Link, direction: Direction, count: number): void {
    if (count === 0) return;
    this.#bytes[direction] += count;
    if (direction !== link.lastDirection) this.#flights++;
    link.lastDirection = direction;
  }

  async #deliver(direction: Direction, to: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
    const granted = Math.min(bytes.length, this.#budget[direction]);
    this.#budget[direction] -= granted;
    for (let sent = 0; sent < granted;) sent += await to.write(bytes.subarray(sent, granted));
    if (this.#budget[direction] > 0) return;
    this.#budget[direction] = Infinity;
    this.cut();
  }
}

interface Parcel {
  readonly dueAtMs: number;
  readonly bytes: Uint8Array;
}

/** One client's connection and its connection to the target. */
class Link {
  lastDirection: Direction | undefined;
  readonly client: Deno.TcpConn;
  readonly #target: Deno.TcpConn | null;
  readonly #end = new AbortController();
  readonly signal: AbortSignal = this.#end.signal;
  /** Rejects when the link is cut. */
  readonly cutting: Promise<never>;

  constructor(client: Deno.TcpConn, target: Deno.TcpConn | null) {
    this.client = client;
    this.#target = target;
    const { promise, reject } = Promise.withResolvers<never>();
    this.signal.addEventListener("abort", () => reject(this.signal.reason), { once: true });
    this.cutting = promise;
    promise.catch(() => {});
  }

  cut(): void {
    if (this.signal.aborted) return;
    this.#end.abort();
    this.client.close();
    this.#target?.close();
  }
}

/** A gate that starts open. */
class Gate {
  #opening: PromiseWithResolvers<void> | undefined;

  shut(): void {
    this.#opening ??= Promise.withResolvers<void>();
  }

  open(): void {
    this.#opening?.resolve();
    this.#opening = undefined;
  }

  /** Waits until the gate is open. Rejects if the link is cut in the meantime. */
  async passage(link: Link): Promise<void> {
    while (this.#opening) await Promise.race([this.#opening.promise, link.cutting]);
  }
}

import type { Server, Socket } from "node:net";
import { type Clock, systemClock } from "../../../async/clock.ts";
import { every } from "../../../async/every.ts";
import type { Logger } from "../../../log.ts";
import { networkOf } from "./rate_limit.ts";

/** Max numbers of open connections. Each takes one of the process's file descriptors, often 1024. */
export interface ConnectionLimits {
  readonly connections: number;
  /** From one address; IPv6 addresses of one /64 count together. */
  readonly connectionsPerAddress: number;
}

/** The warning about too many connections is logged at most once in this time. */
const WARNING_MS = 60_000;
/** How often the listener tries to accept connections. */
const ACCEPT_AGAIN_MS = 1_000;
const BACKLOG = 511;

interface Connection {
  readonly socket: Socket;
  readonly network: string;
  /** Number of requests that are being answered. */
  busy: number;
}

/**
 * The open connections of a server. At a limit, a new connection replaces the one that has been idle the
 * longest; without an idle one, the new connection is closed.
 *
 * `maxConnections` of `node:net` is not used: once it is reached, the server never accepts another
 * connection, even after all have been closed (measured on Deno 2.9.4).
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** In the order of their last use. */
  readonly #open = new Map<string, Connection>();
  #warnedAtMs = -Infinity;

  constructor(server: Server, limits: ConnectionLimits, clock: Clock, logger: Logger) {
    this.#limits = limits;
    this.#clock = clock;
    this.#logger = logger;
    server.on("connection", (socket: Socket) => this.#admit(socket));
  }

  /** Marks a connection as busy; returns a function that marks it as idle again. */
  use(socket: Socket): () => void {
    const key = keyOf(socket);
    const connection = this.#open.get(key);
    if (connection === undefined) return () => {};
    connection.busy++;
    return () => {
      connection.busy--;
      if (this.#open.get(key) !== connection) return;
      this.#open.delete(key);
      this.#open.set(key, connection);
    };
  }

  /** Resets the connections whose answers are not complete, so that no client mistakes a part for the complete answer. */
  resetBusy(): void {
    for (const { socket, busy } of this.#open.values()) if (busy > 0) socket.resetAndDestroy();
  }

  #admit(socket: Socket): void {
    const key = keyOf(socket);
    const network = networkOf(socket.remoteAddress ?? "unknown");
    const same = [...this.#open.values()].filter((other) => other.network === network);
    const crowd = same.length >= this.#limits.connectionsPerAddress
      ? same
      : this.#open.size >= this.#limits.connections
      ? [...this.#open.values()]
      : undefined;
    if (crowd !== undefined && !this.#makeRoom(crowd)) return void socket.destroy();
    const connection = { socket, network, busy: 0 };
    this.#open.set(key, connection);
    socket.once("close", () => {
      if (this.#open.get(key) === connection) this.#open.delete(key);
    });
  }

  #makeRoom(crowd: readonly Connection[]): boolean {
    const idle = crowd.find(({ busy }) => busy === 0);
    this.#warn(crowd, idle !== undefined);
    if (idle === undefined) return false;
    this.#open.delete(keyOf(idle.socket));
    idle.socket.destroy();
    return true;
  }

  #warn(crowd: readonly Connection[], hasIdle: boolean): void {
    if (this.#clock.elapsed() - this.#warnedAtMs < WARNING_MS) return;
    this.#warnedAtMs = this.#clock.elapsed();
    const from = crowd.length < this.#open.size ? ` from ${crowd[0]?.network}` : "";
    const what = hasIdle ? "the oldest idle ones are closed" : "new ones are refused";
    this.#logger.warn(`download links have ${crowd.length} connections${from}, the max: ${what}`);
  }
}

const keys = new WeakMap<Socket, string>();

/**
 * Returns the address and port of a connection's client, which identify it also below TLS. A socket that
 * was closed after the first call keeps them.
 */
export function keyOf(socket: Socket): string {
  const known = keys.get(socket);
  if (known !== undefined) return known;
  const key = `${socket.remoteAddress} ${socket.remotePort}`;
  keys.set(socket, key);
  return key;
}

/**
 * Makes a server accept connections again after the process had no free file descriptor: Deno 2.9.4
 * stops accepting at the first EMFILE and reports nothing. Returns a function that ends this.
 */
export function keepAccepting(server: Server): () => void {
  // Only the handle can be told this; it has no types. Listening twice changes nothing else.
  const handle: unknown = Reflect.get(server, "_handle");
  if (!isListener(handle)) return () => {};
  return every(systemClock, ACCEPT_AGAIN_MS, () => {
    if (server.listening) handle.listen(BACKLOG);
  });
}

const isListener = (handle: unknown): handle is { listen(backlog: number): void } =>
  typeof handle === "object" && handle !== null && "listen" in handle &&
  typeof handle.listen === "function";

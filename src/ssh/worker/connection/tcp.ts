import { lookup } from "node:dns";
import { connect, isIP, type Socket } from "node:net";
import { promisify } from "node:util";
import { Duplex } from "node:stream";
import { waitingClock } from "../../../async/clock.ts";
import { errorText } from "../../../errors.ts";

/** The next address is tried when the one before has not answered by then. Source: RFC 8305 section 5. */
const NEXT_MS = 250;

/** What became of one address of a host. */
export interface AddressFailure {
  /** Undefined if the name has no address of this kind. */
  readonly address: string | undefined;
  readonly reason: string;
  /** The system's code, such as `ECONNREFUSED`. */
  readonly code: string | undefined;
}

/** Thrown if no address of a host accepted the connection. */
export class NoAddressAnswers extends Error {
  override readonly name = "NoAddressAnswers";
  constructor(readonly failures: readonly AddressFailure[]) {
    super(failures.map(({ address, reason }) => `${address ?? "name"}: ${reason}`).join("; "));
  }
}

/** Finds and connects to one host; tests replace it. */
export interface Network {
  /** Returns all addresses of a name, in the system's order. */
  lookup(name: string, port: number): Promise<string[]>;
  /** Connects to the first address of a family; the socket emits `lookup` with the address. */
  connect(host: string, port: number, family: 0 | 4 | 6): Socket;
  /** Tries all addresses, each one when the one before has failed or not answered for a moment. */
  connectAny(host: string, port: number, signal: AbortSignal): Promise<Deno.TcpConn>;
}

const NETWORK: Network = {
  async lookup(name, port) {
    // Deno allows the lookup by the permission for the port, which is not in Node's types.
    const options = { all: true, port } as const;
    return (await promisify(lookup)(name, options)).map(({ address }) => address);
  },
  connect: (host, port, family) =>
    connect({ host, port, family, noDelay: true, autoSelectFamily: false }),
  connectAny: (hostname, port, signal) =>
    Deno.connect({ hostname, port, signal, autoSelectFamilyAttemptDelay: NEXT_MS }),
};

/**
 * Connects to a host. A name is tried at its first address of each family, in the system's order, and
 * meanwhile at all its addresses; the first that answers wins.
 *
 * Deno permits `node:net` to use a name's permission only for the address that it looks up itself, so a
 * list of addresses cannot be tried there. `Deno.connect` tries all of them, but its connection is slower
 * as a socket of ssh2.
 *
 * @param onlyFamily the only kind of addresses to try
 * @throws NoAddressAnswers when all have failed or the signal was aborted
 */
export async function connectTcp(
  host: string,
  port: number,
  signal: AbortSignal,
  network: Network = NETWORK,
  onlyFamily?: 4 | 6,
): Promise<Socket> {
  const found = isIP(host) === 0
    ? await network.lookup(host, port).catch((error) => {
      throw new NoAddressAnswers([failureOf(error, undefined)]);
    })
    : [host];
  const addresses = found.filter((each) => onlyFamily === undefined || isIP(each) === onlyFamily);
  if (addresses.length === 0) throw new NoAddressAnswers([noneOf(onlyFamily)]);
  const race = new Race(signal);
  const families = addresses.length === 1 && onlyFamily === undefined
    ? [0]
    : [...new Set(addresses.map(isIP))];
  for (const family of families) {
    const address = addresses.find((each) => family === 0 || isIP(each) === family);
    race.add(network.connect(host, port, family === 4 || family === 6 ? family : 0), address);
    await race.wait(NEXT_MS);
    if (race.winner !== undefined) break;
  }
  const tried = families.map((family) => addresses.find((each) => isIP(each) === family));
  const others = families[0] === 0 ? [] : addresses.filter((each) => !tried.includes(each));
  // Deno.connect() would also try the other family.
  if (race.winner === undefined && others.length > 0 && onlyFamily === undefined) {
    race.addAny((stop) => network.connectAny(host, port, stop), [...new Set(others)]);
  }
  const socket = await race.settle();
  if (socket === undefined) throw new NoAddressAnswers(race.failures);
  return socket;
}

const noneOf = (family: 4 | 6 | undefined): AddressFailure => ({
  ...{ address: undefined, code: undefined },
  reason: `it has no ${family === undefined ? "" : `IPv${family} `}address`,
});

function failureOf(error: unknown, address: string | undefined): AddressFailure {
  const { code } = error as { code?: string }; // set by Node and Deno on errors of the system
  return { address, code, reason: REASONS.get(code ?? "") ?? errorText(error) };
}

class Race {
  readonly #signal: AbortSignal;
  readonly #sockets = new Set<Socket>();
  readonly #failures: AddressFailure[] = [];
  readonly #isWon = new AbortController();
  #isTryingAny = false;
  #changed = Promise.withResolvers<void>();
  winner: Socket | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  get failures(): readonly AddressFailure[] {
    return this.#failures;
  }

  /** @param address if it is known */
  add(socket: Socket, address: string | undefined): void {
    this.#sockets.add(socket);
    socket.on("lookup", (_error: unknown, found: unknown) => {
      if (typeof found === "string") address = found;
    });
    const onError = (error: unknown) => {
      this.#sockets.delete(socket);
      this.#fail(error, address);
    };
    const onAbort = () => {
      socket.destroy();
      onError(new Error("no answer"));
    };
    socket.once("error", onError);
    this.#signal.addEventListener("abort", onAbort, { once: true });
    socket.once("connect", () => {
      this.#signal.removeEventListener("abort", onAbort);
      socket.removeListener("error", onError);
      if (this.winner !== undefined) return void socket.destroy();
      this.#sockets.delete(socket);
      this.#win(socket);
    });
    if (this.#signal.aborted) onAbort();
  }

  /** @param addresses those that no other attempt is for */
  addAny(
    connect: (stop: AbortSignal) => Promise<Deno.TcpConn>,
    addresses: readonly string[],
  ): void {
    this.#isTryingAny = true;
    const stop = AbortSignal.any([this.#signal, this.#isWon.signal]);
    connect(stop).then((connection) => {
      if (this.winner === undefined) this.#win(asSocket(connection));
      else connection.close();
    }, (error) => {
      const reason = stop.aborted ? new Error("no connection in time") : error;
      this.#failures.push(...addresses.map((address) => failureOf(reason, address)));
    }).finally(() => {
      this.#isTryingAny = false;
      this.#notify();
    });
  }

  /** Waits until an attempt has ended, or for the time. */
  async wait(limitMs: number): Promise<void> {
    const over = Promise.withResolvers<void>();
    const stop = waitingClock.after(limitMs, over.resolve);
    await Promise.race([over.promise, this.#changed.promise]).finally(stop);
  }

  /** Waits for the first success or the last failure. */
  async settle(): Promise<Socket | undefined> {
    const isOpen = () => this.#sockets.size > 0 || this.#isTryingAny;
    while (this.winner === undefined && isOpen()) await this.#changed.promise;
    for (const socket of this.#sockets) {
      socket.on("error", () => {});
      socket.destroy();
    }
    return this.winner;
  }

  #win(socket: Socket): void {
    this.winner = socket;
    this.#isWon.abort();
    this.#notify();
  }

  #fail(error: unknown, found: string | undefined): void {
    this.#failures.push(failureOf(error, found));
    this.#notify();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "connection refused"],
  ["EHOSTUNREACH", "no route to the host"],
  ["ENETUNREACH", "no route to the network"],
  ["ETIMEDOUT", "no answer"],
  ["ENOTFOUND", "the name is unknown"],
  ["EAI_AGAIN", "the name cannot be resolved now"],
]);

/** Makes the connection look like a socket of `node:net` as far as ssh2 and this worker use one. */
function asSocket(connection: Deno.TcpConn): Socket {
  connection.setNoDelay(true);
  const buffer = new Uint8Array(65_536);
  let bytesRead = 0;
  const write = async (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  };
  const socket = new Duplex({
    allowHalfOpen: false,
    read() {
      connection.read(buffer).then((count) => {
        bytesRead += count ?? 0;
        socket.push(count === null ? null : buffer.slice(0, count));
      }, (error) => socket.destroy(error));
    },
    write: (chunk, _encoding, done) => void write(chunk).then(() => done(), done),
    destroy(error, done) {
      try {
        connection.close();
      } catch {
        // It is already closed.
      }
      done(error);
    },
  });
  Object.defineProperty(socket, "bytesRead", { get: () => bytesRead });
  return Object.assign(socket, { connecting: false }) as unknown as Socket;
}

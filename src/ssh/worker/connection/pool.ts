// @ts-types="@types/ssh2"
import type { SFTPWrapper } from "ssh2";
import { delay } from "../../../async/delay.ts";
import { deadlineSignal } from "../../../async/deadline.ts";
import { RemoteExecError } from "../../../errors.ts";
import type { Logger } from "../../../log.ts";
import type { StartedCommand } from "../commands/started_command.ts";
import { HostConnection } from "./connection.ts";
import { HostTraits } from "./host_traits.ts";
import type { Dialer } from "./dial.ts";
import type { DialedConnection } from "./dialed.ts";
import {
  connectionLost,
  hostSilent,
  noChannelInTime,
  notOffered,
  sessionRefused,
  sessionsLost,
} from "../../errors.ts";
import { SessionFailure } from "./sessions.ts";

const MAX_CONNECTIONS = 8;
/** A call is aborted after this many connections were lost before its command was sent. */
const MAX_LOSSES = 5;
/** Delay before the third connection of a call; it doubles each time. */
const FIRST_DELAY_MS = 100;
/** A call joins a running connection attempt only if it is this young, so no call waits for a dead one. */
const YOUNG_ATTEMPT_MS = 1_000;

/** How long a call waits for a session: until its deadline or its cancellation. */
export interface SessionWait {
  readonly deadlineMs: number;
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

interface Waiter {
  readonly resolve: (connection: HostConnection) => void;
  readonly reject: (error: unknown) => void;
  attempt: Attempt | undefined;
}

/** Connects and logs in. `seen.late` is set while it can tell what is missing. */
export type Dial = (limitMs: number, seen: DialSeen) => Promise<DialedConnection>;

/** What a connection attempt has seen so far. */
export interface DialSeen {
  late?: (limitMs: number) => RemoteExecError;
}

/** Connects with a dialer. */
export const dialWith = (dialer: Dialer): Dial => (limitMs, seen) => {
  const progress = dialer.progress();
  seen.late = (lateMs) => progress.late(lateMs);
  return dialer.dial(limitMs, progress);
};

interface Attempt {
  readonly seen: DialSeen;
  readonly startedAtMs: number;
  /** How many more waiters may join this attempt. */
  room: number;
}

/**
 * The open connections to the configured host. Usually there is one. When all its sessions are in use,
 * more are opened, up to eight. A dead connection is replaced on the next call.
 */
export class ConnectionPool {
  readonly #dial: Dial;
  readonly #logger: Logger;
  readonly #connectLimitMs: number;
  readonly #traits: HostTraits;
  readonly #connections = new Set<HostConnection>();
  readonly #attempts = new Set<Attempt>();
  #waiters: Waiter[] = [];
  #closed = false;

  constructor(
    dial: Dial,
    connectLimitMs: number,
    logger: Logger,
    traits: HostTraits = new HostTraits(),
  ) {
    this.#dial = dial;
    this.#connectLimitMs = connectLimitMs;
    this.#logger = logger;
    this.#traits = traits;
  }

  /**
   * Starts a command on a connection with a free session. Retries on another connection only if the
   * command cannot have reached the host.
   *
   * @param isOwn the caller has not asked for this command; see {@linkcode HostConnection.start}
   * @throws RemoteExecError `timeout`, `cancelled`, `connection_lost`, `unsupported`, or the error
   *   of a failed connection
   */
  async start(command: string, wait: SessionWait, isOwn = false): Promise<StartedCommand> {
    return await this.#withSession(
      wait,
      "the start of the command",
      (connection) => connection.start(command, isOwn),
    );
  }

  /** Finds out whether the login is forced, where that takes nothing but a guard. */
  async probeLogin(wait: SessionWait, limitMs: number): Promise<void> {
    await this.#withSession(wait, "the login", (connection) => connection.probeReserved(limitMs));
  }

  /** Returns an SFTP session and its connection. */
  async sftp(wait: SessionWait): Promise<{ sftp: SFTPWrapper; connection: HostConnection }> {
    for (const connection of this.#connections) {
      const sftp = await connection.openSftp();
      if (sftp !== undefined) return { sftp, connection };
    }
    return await this.#withSession(wait, "the start of SFTP", async (connection) => ({
      sftp: await connection.sftp(),
      connection,
    }));
  }

  /** Stops everything that runs on the host and closes all connections. True if the host confirmed it. */
  async close(limitMs: number): Promise<boolean> {
    this.#closed = true;
    for (const waiter of this.#waiters) waiter.reject(connectionLost("the end of the server"));
    const results = await Promise.all([...this.#connections].map((each) => each.close(limitMs)));
    return results.every((done) => done);
  }

  async #withSession<T>(
    wait: SessionWait,
    what: string,
    use: (connection: HostConnection) => Promise<T>,
  ): Promise<T> {
    for (let losses = 0;;) {
      const connection = await this.#reserve(wait);
      try {
        return await use(connection);
      } catch (error) {
        if (!(error instanceof SessionFailure)) throw error;
        this.#logger.debug(`a session could not be opened (${error.reason})`, error);
        if (error.sent && error.reason !== "full") {
          throw error.reason === "refused"
            ? notOffered("command execution", error.message)
            : connectionLost(what);
        }
        if (error.reason === "refused") throw sessionRefused(error.message);
        if (error.reason === "full") continue;
        if (++losses === MAX_LOSSES) throw sessionsLost(losses, error.message);
        await this.#backOff(losses, wait);
      }
    }
  }

  /** Waits before the next connection is opened: 0, 0.1, 0.2, 0.4 seconds, but not beyond the limit. */
  async #backOff(losses: number, { deadlineMs, signal }: SessionWait): Promise<void> {
    if (losses === 1) return;
    const waitMs = FIRST_DELAY_MS * 2 ** (losses - 2);
    await delay(Math.min(waitMs, Math.max(0, deadlineMs - performance.now())), { signal });
  }

  #reserve(wait: SessionWait): Promise<HostConnection> {
    const { promise, resolve, reject } = Promise.withResolvers<HostConnection>();
    const waiter: Waiter = { resolve, reject, attempt: undefined };
    const leftMs = wait.deadlineMs - performance.now();
    const late = () => this.#late(waiter, wait.limitMs);
    const limit = deadlineSignal(Math.max(0, leftMs), { signal: wait.signal, late });
    const leave = () => this.#waiters = this.#waiters.filter((each) => each !== waiter);
    // At once, so that no connection is handed to a caller that has gone.
    const stopWaiting = () => {
      leave();
      reject(wait.signal.reason ?? late());
    };
    limit.signal.addEventListener("abort", stopWaiting, { once: true });
    this.#waiters.push(waiter);
    if (limit.signal.aborted || leftMs <= 0) stopWaiting();
    this.#serve();
    return promise.finally(() => {
      limit[Symbol.dispose]();
      limit.signal.removeEventListener("abort", stopWaiting);
      leave();
    });
  }

  /**
   * Returns the error for a time limit that expired while no connection was open: it says what the host has not
   * done. Undefined if one is open, because then the host may have received a command.
   */
  silence(limitMs: number, attempt?: Attempt): RemoteExecError | undefined {
    if ([...this.#connections].some((connection) => connection.alive)) return undefined;
    // A waiter without an attempt of its own waits for those of others.
    const tried = (attempt ?? [...this.#attempts][0])?.seen.late?.(limitMs);
    return tried && hostSilent(limitMs, tried);
  }

  /** Says what a waiter has waited for in vain. */
  #late({ attempt }: Waiter, limitMs: number): RemoteExecError {
    return this.silence(limitMs, attempt) ?? noChannelInTime(limitMs);
  }

  /** Assigns free sessions to the waiters, oldest first, and opens connections for the rest. */
  #serve(): void {
    for (const connection of this.#connections) {
      if (!connection.alive) this.#connections.delete(connection);
    }
    while (this.#waiters.length > 0) {
      const connection = [...this.#connections].find((each) => each.reserve());
      if (connection === undefined) break;
      this.#waiters.shift()?.resolve(connection);
    }
    for (const waiter of this.#waiters) if (waiter.attempt === undefined) this.#join(waiter);
  }

  #join(waiter: Waiter): void {
    const now = performance.now();
    const young = [...this.#attempts].find((each) =>
      each.room > 0 && now - each.startedAtMs < YOUNG_ATTEMPT_MS
    );
    if (young === undefined && this.#connections.size + this.#attempts.size >= MAX_CONNECTIONS) {
      return;
    }
    const attempt = young ?? this.#connect();
    attempt.room--;
    waiter.attempt = attempt;
  }

  #connect(): Attempt {
    const attempt: Attempt = { seen: {}, startedAtMs: performance.now(), room: 8 };
    this.#attempts.add(attempt);
    this.#dial(this.#connectLimitMs, attempt.seen).then(
      (dialled) => this.#connected(attempt, dialled),
      (error) => this.#failed(attempt, error),
    );
    return attempt;
  }

  #connected(attempt: Attempt, dialled: DialedConnection): void {
    this.#attempts.delete(attempt);
    if (this.#closed) return void dialled.socket.destroy();
    const connection = new HostConnection(
      dialled,
      this.#logger,
      this.#traits,
      () => this.#serve(),
    );
    this.#connections.add(connection);
    this.#release(attempt);
    this.#serve();
  }

  #failed(attempt: Attempt, error: unknown): void {
    this.#attempts.delete(attempt);
    const known = error instanceof RemoteExecError ? error : connectionLost("login");
    // If another connection is open, its waiters keep waiting for a session of it.
    const mayWait = [...this.#connections].some((connection) => connection.alive);
    if (mayWait) return this.#release(attempt);
    const failed = this.#waiters.filter((waiter) => waiter.attempt === attempt);
    this.#waiters = this.#waiters.filter((waiter) => waiter.attempt !== attempt);
    for (const waiter of failed) waiter.reject(known);
    // Waiters for whom no attempt had room have one now.
    this.#serve();
  }

  /** Lets the waiters of a finished attempt join another one. */
  #release(attempt: Attempt): void {
    for (const waiter of this.#waiters) if (waiter.attempt === attempt) waiter.attempt = undefined;
  }
}

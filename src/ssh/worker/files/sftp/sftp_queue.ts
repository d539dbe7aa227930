// @ts-types="@types/ssh2"
import type { SFTPWrapper } from "ssh2";
import { type Clock, waitingClock } from "../../../../async/clock.ts";
import { every } from "../../../../async/every.ts";
import { RemoteExecError } from "../../../../errors.ts";

const CHECK_MS = 1_000;

/** How long a call waits behind another one's request while the host answers nothing. */
export const PATIENCE_MS = {
  /** It can be made again at once. */
  question: 3_000,
  /** It is sent even by a call that has left. */
  cleanup: 3_000,
  /** A piece of a file's content may take long on a slow link, and what was transferred is lost. */
  content: 15_000,
  /** It changes what others see, so its outcome must be known. */
  change: Infinity,
};

/** A call left the SFTP session that it shared; made again, it uses another one. */
export class SessionBlocked extends RemoteExecError {
  constructor() {
    super(
      "connection_lost",
      "The host does not answer, because it waits for another file of the same SFTP session",
      "Call the tool again: it then uses another connection",
    );
  }
}

/** A request without an answer. */
interface Entry {
  /** The call that has sent it. */
  readonly call: object;
  readonly patienceMs: number;
  readonly reject: (error: SessionBlocked) => void;
}

/**
 * The unanswered requests of one SFTP session, oldest first. An SFTP server answers them in order: if it
 * waits for a file whose next bytes do not come, no call that shares the session gets its answer. So
 * after a few silent seconds the calls leave that are not the oldest one's. The oldest may just be slow.
 */
export class SftpQueue {
  static readonly #queues = new WeakMap<SFTPWrapper, SftpQueue>();
  readonly #entries = new Set<Entry>();
  readonly #left = new WeakSet<object>();
  #silentMs = 0;
  #stopWatching: (() => void) | undefined;
  readonly #clock: Clock;

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns the queue of a session. */
  static of(session: SFTPWrapper, clock: Clock = waitingClock): SftpQueue {
    const queue = this.#queues.get(session) ?? new SftpQueue(clock);
    this.#queues.set(session, queue);
    return queue;
  }

  /** Reports whether a call has left the session, so that it must not wait for another answer. */
  hasLeft(call: object): boolean {
    return this.#left.has(call);
  }

  /** Adds a request, and returns a function that notes its answer. @param reject called if its call leaves */
  add(call: object, patienceMs: number, reject: Entry["reject"]): () => void {
    const entry = { call, patienceMs, reject };
    if (this.#entries.size === 0) this.#silentMs = 0;
    this.#entries.add(entry);
    this.#watch();
    return () => {
      this.#silentMs = 0;
      this.#entries.delete(entry);
      this.#watch();
    };
  }

  /** Watches the session while one call may wait for another. */
  #watch(): void {
    if (this.#others().length === 0) {
      this.#stopWatching?.();
      this.#stopWatching = undefined;
    } else this.#stopWatching ??= every(this.#clock, CHECK_MS, () => this.#check());
  }

  #check(): void {
    this.#silentMs += CHECK_MS;
    const others = this.#others();
    for (const { call, patienceMs } of others) {
      if (patienceMs < this.#silentMs) this.#left.add(call);
    }
    for (const { call, patienceMs, reject } of others) {
      if (this.#left.has(call) && patienceMs !== Infinity) reject(new SessionBlocked());
    }
  }

  #others(): Entry[] {
    const [oldest] = this.#entries;
    return [...this.#entries].filter(({ call }) => call !== oldest?.call);
  }
}

/** Runs what can be repeated, and repeats it once if it left its session. */
export async function againIfBlocked<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof SessionBlocked) return await run();
    throw error;
  }
}

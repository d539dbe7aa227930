import type { Clock } from "../async/clock.ts";
import { valueWithin } from "../async/deadline.ts";
import type { Logger } from "../log.ts";
import type { SpawnedWorker } from "../sandbox/spawn.ts";
import type { HostFilesPort } from "../ssh/files_of_hosts.ts";
import type { HostCopiesPort } from "../ssh/hosts/port.ts";
import { checkedMemory, type HostMemory, type HostMemoryPort } from "../ssh/host_memory.ts";
import type { FilesGrant, SshPort } from "../ssh/port.ts";
import type { TextPort } from "../ssh/text/port.ts";
import type { NamedHost } from "../config/config.ts";

/** What the worker of a host promises. */
export type HostPort = SshPort & TextPort & HostCopiesPort & HostMemoryPort;

/** A worker that gets files from the workers of hosts, and what it may do with them. */
export interface FilesUser {
  readonly port: HostFilesPort;
  grant(host: NamedHost): Promise<FilesGrant>;
  /** Reports whether it may still need files of the host although no call runs. */
  isUsing(host: number): Promise<boolean>;
}

/** As long as the worker keeps uncut outputs. */
const KEPT_MS = 15 * 60_000;
/** Time for closing the connection. */
const CLOSE_MS = 1_000;
/** A busy worker answers late, and a machine that was suspended answers nothing for a while. */
const MAX_MISSED = 4;

/** One running worker of a host. */
export class HostWorker {
  readonly spawned: SpawnedWorker<HostPort>;
  /** It is loaded and configured. */
  readonly ready: Promise<void>;
  readonly host: number;
  /** Calls that run now. */
  uses = 0;
  lastUsedMs: number;
  /** Until then it keeps an output that an answer has cut. */
  keptUntilMs = 0;
  /** What it has learned, as it last answered. */
  memory: HostMemory | undefined;
  readonly #clock: Clock;
  readonly #connected = new Map<FilesUser, Promise<void>>();
  #isAsked = false;
  #missed = 0;

  constructor(host: number, spawned: SpawnedWorker<HostPort>, ready: Promise<void>, clock: Clock) {
    this.host = host;
    this.spawned = spawned;
    this.ready = ready;
    this.#clock = clock;
    this.lastUsedMs = clock.elapsed();
    ready.catch(() => {}); // reported to each call
  }

  get port(): HostPort {
    return this.spawned.port;
  }

  async call(name: string, args: readonly unknown[]): Promise<unknown> {
    // The names come from the callers of HostPort.
    const port = this.port as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
    const answer = await port[name]?.(...args);
    const keeps = typeof answer === "object" && answer !== null && "outputId" in answer;
    if (keeps) this.keptUntilMs = this.#clock.elapsed() + KEPT_MS;
    return answer;
  }

  /** Runs `start` for the first call of a user; all calls wait for it. */
  async connect(user: FilesUser, start: () => Promise<void>): Promise<void> {
    const connecting = this.#connected.get(user) ?? start();
    this.#connected.set(user, connecting);
    try {
      await connecting;
    } catch (error) {
      this.#connected.delete(user);
      throw error;
    }
  }

  /** Reports whether ending it would break something: a call, a transfer or a link. */
  async isInUse(): Promise<boolean> {
    if (this.uses > 0) return true;
    const users = await Promise.all(
      [...this.#connected.keys()].map((user) => user.isUsing(this.host)),
    );
    return this.uses > 0 || users.includes(true);
  }

  /** Milliseconds since its last call; 0 during a call, negative while it keeps an output. */
  get idleMs(): number {
    if (this.uses > 0) return 0;
    return this.#clock.elapsed() - Math.max(this.lastUsedMs, this.keptUntilMs);
  }

  /**
   * Asks the worker what it has learned, as a sign of life. Call it at equal intervals.
   * Returns false when it has not answered for several of them.
   */
  checkAlive(): boolean {
    if (this.#isAsked) return ++this.#missed < MAX_MISSED;
    this.#missed = 0;
    this.learn();
    return true;
  }

  /** Keeps what the worker has learned, for the next one if this one dies. */
  learn(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.port.memory().then(checkedMemory)
      .then((memory) => void (this.memory = memory))
      .catch(() => {}) // it has died, which is noticed elsewhere
      .finally(() => this.#isAsked = false);
  }

  /** Tells those that use its files that it has ended. */
  disconnect(logger: Logger): void {
    for (const { port } of this.#connected.keys()) {
      port.connectHost(this.host, undefined)
        .catch((error) => logger.error("the files of a host are not disconnected", error));
    }
  }

  /** Closes its connection and ends it. */
  async end(logger: Logger): Promise<void> {
    this.disconnect(logger);
    const memory = await valueWithin(this.port.memory().then(checkedMemory), CLOSE_MS)
      .catch(() => undefined);
    if (memory !== undefined) this.memory = memory;
    await valueWithin(this.port.close(CLOSE_MS), 2 * CLOSE_MS).catch(() => {});
    this.spawned.terminate();
  }
}

import { type Clock, systemClock } from "../async/clock.ts";
import { valueWithin } from "../async/deadline.ts";
import { every } from "../async/every.ts";
import { InOrder } from "../async/in_order.ts";
import type { Config, HostsConfig, NamedHost, SshConfig } from "../config/config.ts";
import type { Logger } from "../log.ts";
import { Launcher } from "../sandbox/launch.ts";
import type { WorkerPermissions } from "../sandbox/permissions.ts";
import type { HostMemory } from "../ssh/host_memory.ts";
import type { StartWorker } from "../sandbox/spawn.ts";
import type { BetweenHosts } from "../ssh/hosts/port.ts";
import { connectSsh } from "./connect.ts";
import { allBusy, unusable } from "./host_errors.ts";
import { type FilesUser, type HostPort, HostWorker } from "./host_worker.ts";

/** A link ends without a message to this isolate, so its host is looked at again after this long. */
const LOOK_AGAIN_MS = 1_000;
const CHECK_EVERY_MS = 30_000;
/** So many workers cost little memory until they are ended. */
const MAX_PREPARED = 3;
/** The client has the list of tools by then. */
const PREPARE_AFTER_MS = 3_000;
/** The next call to a host whose worker was ended takes about a second more. */
export const IDLE_MS = 5 * 60_000;

/**
 * The workers of several hosts: each is started by the first call for its host, and again after its
 * death. One that was idle for {@linkcode IDLE_MS} is ended.
 */
export class HostWorkers {
  readonly #config: Config;
  readonly #hosts: HostsConfig;
  readonly #launcher: Launcher;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #stopChecks: () => void;
  #stopPreparing = () => {};
  readonly #running = new Map<number, HostWorker>();
  /** Of workers that were ended or died. */
  readonly #memories = new Map<number, HostMemory>();
  readonly #inOrder = new InOrder();
  #freed = Promise.withResolvers<true>();

  constructor(
    config: Config,
    hosts: HostsConfig,
    table: readonly WorkerPermissions[],
    logger: Logger,
    { start, clock = systemClock }: { readonly start?: StartWorker; readonly clock?: Clock } = {},
  ) {
    const row = table.find(({ worker }) => worker === "launcher");
    if (row === undefined) throw new TypeError("The permission table lacks the launcher");
    const rows = table.filter(({ worker }) => worker === "ssh");
    this.#config = config;
    this.#hosts = hosts;
    this.#logger = logger;
    this.#launcher = new Launcher(row, rows, logger, start);
    this.#clock = clock;
    this.#stopChecks = every(clock, CHECK_EVERY_MS, () => this.#check());
  }

  /** The workers can be started from now on, also without permissions. */
  get ready(): Promise<void> {
    return this.#launcher.ready;
  }

  /** Rejects when no host can be used anymore. */
  get died(): Promise<never> {
    return this.#launcher.died;
  }

  /** Returns a port whose calls start the worker of the host first, if it does not run. */
  port(host: number): HostPort {
    const handler: ProxyHandler<object> = {
      get: (_target, name) =>
        typeof name !== "string" || name === "then"
          ? undefined
          : (...args: unknown[]) => this.#use(host, (worker) => worker.call(name, args)),
    };
    return new Proxy({}, handler) as HostPort; // the worker has all of these functions
  }

  /**
   * Starts the worker of the default host before its first call and, with few hosts, those of the others soon
   * after: on Deno 2.9.1 to 2.9.5, a worker that another worker starts waits a second for a debugger. Source: Deno
   * libs/core/inspector.rs, PAGE_WAIT_GRACE_PERIOD and WORKER_MESSAGE_DEBUGGER_GRACE_PERIOD.
   */
  prepare(): void {
    const { list, defaultName } = this.#hosts;
    this.#prepare(list.findIndex(({ name }) => name === defaultName));
    const usable = [...list.keys()].filter((number) => list[number]?.ssh !== undefined);
    if (usable.length > Math.min(MAX_PREPARED, this.#hosts.maxWorkers)) return;
    this.#stopPreparing = this.#clock.after(PREPARE_AFTER_MS, () => {
      for (const number of usable) this.#prepare(number);
    });
  }

  #prepare(number: number): void {
    if (this.#hosts.list[number]?.ssh === undefined) return;
    this.#use(number, () => Promise.resolve())
      .catch((error) => this.#logger.debug("the worker of a host is not prepared", error));
  }

  /** Runs work of another worker with files of a host; the host's worker does not end before it. */
  async withFiles<T>(host: number, user: FilesUser, work: () => Promise<T>): Promise<T> {
    return await this.#use(host, async (worker) => {
      await worker.connect(user, async () => {
        const { port1, port2 } = new MessageChannel();
        const grant = await user.grant(this.#host(host));
        await Promise.all([
          worker.port.serveFiles(port1, grant),
          user.port.connectHost(host, port2),
        ]);
      });
      return await work();
    });
  }

  /** Runs work with the workers of two hosts; neither ends before it. */
  readonly between: BetweenHosts = async (from, to, work) => {
    // One pair after the other: pairs that each have one worker would wait for each other.
    const [source, target] = await this.#inOrder.run("pair", async () => {
      const source = await this.#take(from);
      try {
        return [source, await this.#take(to, MIN_FOR_PAIR)] as const;
      } catch (error) {
        this.#giveBack(source);
        throw error;
      }
    }, NEVER);
    try {
      await Promise.all([source.ready, target.ready]);
      return await work(source.port, target.port);
    } finally {
      this.#giveBack(source);
      this.#giveBack(target);
    }
  };

  /** Stops what runs on the hosts, for at most `limitMs`. */
  async close(limitMs: number): Promise<void> {
    const workers = [...this.#running.values()];
    await Promise.allSettled(workers.map(({ port }) => port.close(limitMs)));
  }

  terminate(): void {
    this.#stopChecks();
    this.#stopPreparing();
    for (const { spawned } of this.#running.values()) spawned.terminate();
    this.#launcher.terminate();
  }

  #host(number: number): NamedHost {
    const host = this.#hosts.list[number];
    if (host === undefined) throw new TypeError("There is no such host");
    return host;
  }

  async #use<T>(number: number, work: (worker: HostWorker) => Promise<T>): Promise<T> {
    const worker = await this.#take(number);
    try {
      await worker.ready;
      return await work(worker);
    } finally {
      if (worker.memory === undefined) worker.learn();
      this.#giveBack(worker);
    }
  }

  /**
   * Returns the worker of a host, which is not ended until it is given back.
   *
   * @param minWorkers so many may run even if MAX_HOST_WORKERS is less
   */
  async #take(number: number, minWorkers = 1): Promise<HostWorker> {
    const { name, ssh } = this.#usable(number);
    return this.#taken(number) ??
      await this.#inOrder.run("start", async () => {
        const started = this.#taken(number);
        if (started !== undefined) return started;
        await this.#makeRoom(Math.max(this.#hosts.maxWorkers, minWorkers));
        return this.#start(number, name, ssh);
      }, NEVER);
  }

  #giveBack(worker: HostWorker): void {
    worker.uses--;
    worker.lastUsedMs = this.#clock.elapsed();
    this.#freed.resolve(true);
  }

  #usable(number: number): { readonly name: string; readonly ssh: SshConfig } {
    const host = this.#host(number);
    if (host.ssh === undefined) throw unusable(host);
    return { name: host.name, ssh: host.ssh };
  }

  /** Returns the running worker of a host, which cannot be ended from now on. */
  #taken(number: number): HostWorker | undefined {
    const worker = this.#running.get(number);
    if (worker !== undefined) worker.uses++;
    return worker;
  }

  #start(number: number, name: string, ssh: SshConfig): HostWorker {
    const spawned = this.#launcher.launch<HostPort>(number, name);
    const memory = this.#memories.get(number);
    const ready = connectSsh(spawned.port, { ...this.#config, ssh }, memory);
    const worker = new HostWorker(number, spawned, ready, this.#clock);
    worker.uses++;
    this.#running.set(number, worker);
    spawned.died.catch(() => this.#forget(worker));
    return worker;
  }

  /** Removes a worker that has died. */
  #forget(worker: HostWorker): void {
    if (this.#running.get(worker.host) === worker) this.#running.delete(worker.host);
    this.#keepMemory(worker);
    worker.disconnect(this.#logger);
    this.#freed.resolve(true);
  }

  #keepMemory({ host, memory }: HostWorker): void {
    if (memory !== undefined) this.#memories.set(host, memory);
  }

  /** Ends the longest idle worker if there are too many. @throws RemoteExecError `limit_reached` */
  async #makeRoom(maxWorkers: number): Promise<void> {
    const { timeoutMs } = this.#config.limits;
    const giveUpAtMs = performance.now() + timeoutMs;
    while (this.#running.size >= maxWorkers) {
      this.#freed = Promise.withResolvers<true>();
      const idle = await this.#longestIdle();
      if (idle?.uses === 0) {
        await this.#end(idle);
      } else if (performance.now() < giveUpAtMs) {
        await valueWithin(this.#freed.promise, LOOK_AGAIN_MS);
      } else {
        throw allBusy(maxWorkers);
      }
    }
  }

  async #longestIdle(): Promise<HostWorker | undefined> {
    const workers = [...this.#running.values()].sort((a, b) => b.idleMs - a.idleMs);
    for (const worker of workers) if (!await worker.isInUse()) return worker;
    return undefined;
  }

  async #end(worker: HostWorker): Promise<void> {
    this.#running.delete(worker.host);
    await worker.end(this.#logger);
    this.#keepMemory(worker);
  }

  /** Looks after each worker: ends one that is dead or idle. */
  #check(): void {
    for (const worker of this.#running.values()) {
      if (worker.idleMs >= IDLE_MS) this.#endIdle(worker);
      else if (worker.idleMs < CHECK_EVERY_MS && !worker.checkAlive()) this.#endDead(worker);
    }
  }

  /** In the order of starts, so that a call in between starts a worker that has the memory of this one. */
  #endIdle(worker: HostWorker): void {
    this.#inOrder.run("start", async () => {
      const isIdle = () =>
        worker.uses === 0 && worker.idleMs >= IDLE_MS && this.#running.get(worker.host) === worker;
      if (isIdle() && !await worker.isInUse() && isIdle()) await this.#end(worker);
    }, NEVER).catch((error) => this.#logger.error("an idle worker is not ended", error));
  }

  /** Its calls fail, and the next one starts another. */
  #endDead(worker: HostWorker): void {
    const { name } = this.#host(worker.host);
    this.#logger.error(`the worker of ${name} does not answer and is ended`);
    worker.spawned.terminate();
    this.#forget(worker);
  }
}

/** A copy between two hosts needs the worker of each. */
const MIN_FOR_PAIR = 2;

const NEVER = new AbortController().signal;

import { valueWithin } from "../async/deadline.ts";
import { InOrder } from "../async/in_order.ts";
import type { Config, HostsConfig, NamedHost, SshConfig } from "../config/config.ts";
import { oneLine, RemoteExecError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { Launcher } from "../sandbox/launch.ts";
import type { WorkerPermissions } from "../sandbox/permissions.ts";
import type { HostMemory } from "../ssh/host_memory.ts";
import type { StartWorker } from "../sandbox/spawn.ts";
import type { BetweenHosts } from "../ssh/hosts/port.ts";
import { connectSsh } from "./connect.ts";
import { type FilesUser, type HostPort, HostWorker } from "./host_worker.ts";

/** A link ends without a message to this isolate, so its host is looked at again after this long. */
const LOOK_AGAIN_MS = 1_000;

/** The workers of several hosts: each is started by the first call for its host, and again after its death. */
export class HostWorkers {
  readonly #config: Config;
  readonly #hosts: HostsConfig;
  readonly #launcher: Launcher;
  readonly #logger: Logger;
  readonly #running = new Map<number, HostWorker>();
  /** Of workers that were ended. */
  readonly #memories = new Map<number, HostMemory>();
  readonly #inOrder = new InOrder();
  #freed = Promise.withResolvers<true>();

  constructor(
    config: Config,
    hosts: HostsConfig,
    table: readonly WorkerPermissions[],
    logger: Logger,
    start?: StartWorker,
  ) {
    const row = table.find(({ worker }) => worker === "launcher");
    if (row === undefined) throw new TypeError("The permission table lacks the launcher");
    const rows = table.filter(({ worker }) => worker === "ssh");
    this.#config = config;
    this.#hosts = hosts;
    this.#logger = logger;
    this.#launcher = new Launcher(row, rows, logger, start);
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
   * Starts the worker of the default host before its first call: on Deno 2.9.4, a worker that another worker
   * starts takes a second (measured, also compiled).
   */
  prepare(): void {
    const { list, defaultName } = this.#hosts;
    const number = list.findIndex(({ name }) => name === defaultName);
    if (list[number]?.ssh === undefined) return;
    this.#use(number, () => Promise.resolve())
      .catch((error) => this.#logger.debug("the default host is not prepared", error));
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
        return [source, await this.#take(to)] as const;
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
      this.#giveBack(worker);
    }
  }

  /** Returns the worker of a host, which is not ended until it is given back. */
  async #take(number: number): Promise<HostWorker> {
    const { name, ssh } = this.#usable(number);
    return this.#taken(number) ??
      await this.#inOrder.run("start", async () => {
        const started = this.#taken(number);
        if (started !== undefined) return started;
        await this.#makeRoom();
        return this.#start(number, name, ssh);
      }, NEVER);
  }

  #giveBack(worker: HostWorker): void {
    worker.uses--;
    worker.lastUsedMs = performance.now();
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
    const worker = new HostWorker(number, spawned, ready);
    worker.uses++;
    this.#running.set(number, worker);
    spawned.died.catch(() => {
      if (this.#running.get(number) === worker) this.#running.delete(number);
      worker.disconnect(this.#logger);
    });
    return worker;
  }

  /** Ends the longest idle worker if there are too many. @throws RemoteExecError `limit_reached` */
  async #makeRoom(): Promise<void> {
    const { maxWorkers } = this.#hosts;
    const { timeoutMs } = this.#config.limits;
    const giveUpAtMs = performance.now() + timeoutMs;
    while (this.#running.size >= maxWorkers) {
      this.#freed = Promise.withResolvers<true>();
      const idle = await this.#longestIdle();
      if (idle?.uses === 0) {
        this.#running.delete(idle.host);
        const memory = await idle.end(this.#logger);
        if (memory !== undefined) this.#memories.set(idle.host, memory);
      } else if (performance.now() < giveUpAtMs) {
        await valueWithin(this.#freed.promise, LOOK_AGAIN_MS);
      } else {
        throw allBusy(maxWorkers);
      }
    }
  }

  async #longestIdle(): Promise<HostWorker | undefined> {
    const now = performance.now();
    const rank = ({ keptUntilMs, lastUsedMs }: HostWorker) =>
      Math.max(keptUntilMs - now, 0) * 1e6 + lastUsedMs;
    const workers = [...this.#running.values()].sort((a, b) => rank(a) - rank(b));
    for (const worker of workers) if (!await worker.isInUse()) return worker;
    return undefined;
  }
}

const allBusy = (max: number) =>
  new RemoteExecError(
    "limit_reached",
    `The workers of ${max} hosts are in use, by calls, transfers or links, and no more may run`,
    "Wait for the running calls, or raise MAX_HOST_WORKERS",
  );

const NEVER = new AbortController().signal;

/** Returns the error for every call to a host that its configuration makes unusable. */
export const unusable = ({ name, fault }: NamedHost): RemoteExecError =>
  new RemoteExecError(
    "host_unusable",
    oneLine(fault?.message ?? `${name} is not configured`),
    oneLine(fault?.remedy ?? "Correct the configuration of the host"),
  );

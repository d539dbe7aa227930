import type { Config, HostsConfig, NamedHost, SshConfig } from "../config/config.ts";
import { oneLine, RemoteExecError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { Launcher } from "../sandbox/launch.ts";
import type { WorkerPermissions } from "../sandbox/permissions.ts";
import type { SpawnedWorker, StartWorker } from "../sandbox/spawn.ts";
import type { HostFilesPort } from "../ssh/files_of_hosts.ts";
import type { FilesGrant, SshPort } from "../ssh/port.ts";
import type { TextPort } from "../ssh/text/port.ts";
import { connectSsh } from "./connect.ts";

/** What the worker of a host promises. */
export type HostPort = SshPort & TextPort;

/** A worker that gets files from the workers of hosts, and what it may do with them. */
export interface FilesUser {
  readonly port: HostFilesPort;
  grant(host: NamedHost): Promise<FilesGrant>;
}

/** The workers of several hosts: each is started by the first call for its host, and again after its death. */
export class HostWorkers {
  readonly #config: Config;
  readonly #hosts: HostsConfig;
  readonly #launcher: Launcher;
  readonly #logger: Logger;
  readonly #running = new Map<number, HostWorker>();

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
          : async (...args: unknown[]) => await (await this.#worker(host)).call(name, args),
    };
    return new Proxy({}, handler) as HostPort; // the worker has all of these functions
  }

  /** Connects a worker to the files of a host, once for each start of the host's worker. */
  async connectFiles(host: number, user: FilesUser): Promise<void> {
    const worker = await this.#worker(host);
    await worker.connect(user, async () => {
      const { port1, port2 } = new MessageChannel();
      const grant = await user.grant(this.#host(host));
      await Promise.all([
        worker.port.serveFiles(port1, grant),
        user.port.connectHost(host, port2),
      ]);
    });
  }

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

  async #worker(number: number): Promise<HostWorker> {
    const host = this.#host(number);
    if (host.ssh === undefined) throw unusable(host);
    const worker = this.#running.get(number) ?? this.#start(number, host.name, host.ssh);
    await worker.ready;
    return worker;
  }

  #start(number: number, name: string, ssh: SshConfig): HostWorker {
    const spawned = this.#launcher.launch<HostPort>(number, name);
    const worker = new HostWorker(spawned, connectSsh(spawned.port, { ...this.#config, ssh }));
    this.#running.set(number, worker);
    spawned.died.catch(() => {
      if (this.#running.get(number) === worker) this.#running.delete(number);
      worker.disconnect(number, this.#logger);
    });
    return worker;
  }
}

/** One running worker of a host. */
class HostWorker {
  readonly spawned: SpawnedWorker<HostPort>;
  readonly ready: Promise<void>;
  readonly #connected = new Map<FilesUser, Promise<void>>();

  constructor(spawned: SpawnedWorker<HostPort>, ready: Promise<void>) {
    this.spawned = spawned;
    this.ready = ready;
    ready.catch(() => {}); // reported to each call
  }

  get port(): HostPort {
    return this.spawned.port;
  }

  async call(name: string, args: readonly unknown[]): Promise<unknown> {
    // The names come from the callers of HostPort.
    const port = this.port as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
    return await port[name]?.(...args);
  }

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

  disconnect(number: number, logger: Logger): void {
    for (const { port } of this.#connected.keys()) {
      port.connectHost(number, undefined)
        .catch((error) => logger.error("the files of a host are not disconnected", error));
    }
  }
}

/** Returns the error for every call to a host that its configuration makes unusable. */
export const unusable = ({ name, fault }: NamedHost): RemoteExecError =>
  new RemoteExecError(
    "host_unusable",
    oneLine(fault?.message ?? `${name} is not configured`),
    oneLine(fault?.remedy ?? "Correct the configuration of the host"),
  );

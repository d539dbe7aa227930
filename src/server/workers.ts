import type { Config } from "../config/config.ts";
import type { DownloadsPort } from "../downloads/port.ts";
import type { Logger } from "../log.ts";
import { permissionTable, type WorkerName } from "../sandbox/permissions.ts";
import { spawn, type SpawnedWorker } from "../sandbox/spawn.ts";
import type { HostFilesPort } from "../ssh/files_of_hosts.ts";
import type { SshPort } from "../ssh/port.ts";
import type { TextPort } from "../ssh/text/port.ts";
import type { TransfersPort } from "../transfers/port.ts";
import { connectSsh, connectTransfers } from "./connect.ts";
import { HostWorkers } from "./host_workers.ts";

/** The workers that the configuration needs. */
export interface Workers {
  readonly ssh: SpawnedWorker<SshPort & TextPort>;
  /** Only with several hosts; `ssh` is then the worker of {@linkcode Config.ssh}. */
  readonly hosts?: HostWorkers;
  /** Only with a tool for links. Not configured yet: see {@linkcode connectDownloads}. */
  readonly downloads: SpawnedWorker<DownloadsPort & HostFilesPort> | undefined;
  /** Only with a tool that uses a storage service. */
  readonly transfers: SpawnedWorker<TransfersPort & HostFilesPort> | undefined;
  /** The launcher is loaded; the ssh and transfers workers are loaded and configured. */
  readonly ready: Promise<void>;
  /** Rejects when a worker has died. */
  readonly died: Promise<never>;
  /** Stops what runs on the hosts, for at most `limitMs`, then the workers. */
  stop(limitMs: number): Promise<void>;
}

/** Starts the workers. They load while the caller goes on. */
export function startWorkers(config: Config, logger: Logger): Workers {
  const table = permissionTable(config);
  const start = <Port extends object>(name: WorkerName): SpawnedWorker<Port> | undefined => {
    const row = table.find(({ worker }) => worker === name);
    return row && spawn<Port>(row, logger);
  };
  const hosts = config.hosts && new HostWorkers(config, config.hosts, table, logger);
  hosts?.prepare();
  const ssh = hosts === undefined
    ? required(start<SshPort & TextPort>("ssh"))
    : firstHost(config, hosts);
  const downloads = start<DownloadsPort & HostFilesPort>("downloads");
  const transfers = start<TransfersPort & HostFilesPort>("transfers");
  const ready = Promise.all([
    configure(config, hosts === undefined ? ssh.port : undefined, transfers?.port),
    hosts?.ready,
  ]).then(() => {});
  ready.catch(() => {}); // reported to the caller that awaits it
  const all = [ssh, downloads, transfers].filter((worker) => worker !== undefined);
  return {
    ssh,
    ...(hosts === undefined ? {} : { hosts }),
    downloads,
    transfers,
    ready,
    died: Promise.race(all.map((worker) => worker.died)),
    async stop(limitMs) {
      await Promise.allSettled([
        (hosts ?? ssh.port).close(limitMs),
        transfers?.port.close(limitMs),
        downloads?.port.close(),
      ]);
      for (const worker of all) worker.terminate();
    },
  };
}

async function configure(
  config: Config,
  ssh: SshPort | undefined,
  transfers: TransfersPort | undefined,
): Promise<void> {
  await Promise.all([
    ssh && connectSsh(ssh, config),
    transfers && connectTransfers(transfers, ssh, config),
  ]);
}

function firstHost(
  { ssh, hosts }: Config,
  workers: HostWorkers,
): SpawnedWorker<SshPort & TextPort> {
  const number = hosts?.list.findIndex((host) => host.ssh === ssh) ?? 0;
  return {
    port: workers.port(number),
    died: workers.died,
    terminate: () => workers.terminate(),
  };
}

function required<Worker>(worker: Worker | undefined): Worker {
  if (worker === undefined) throw new TypeError("The permission table lacks a worker");
  return worker;
}

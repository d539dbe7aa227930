import type { Config } from "../config/config.ts";
import { secretsIn } from "../config/secrets.ts";
import type { DownloadsPort } from "../downloads/port.ts";
import type { Logger } from "../log.ts";
import { permissionTable, type WorkerName } from "../sandbox/permissions.ts";
import { spawn, type SpawnedWorker } from "../sandbox/spawn.ts";
import type { SshPort } from "../ssh/port.ts";
import { connectTransfers } from "./connect_transfers.ts";
import type { TransfersPort } from "../transfers/port.ts";

/** The workers that the configuration needs. */
export interface Workers {
  readonly ssh: SpawnedWorker<SshPort>;
  readonly downloads: SpawnedWorker<DownloadsPort>;
  /** Only with a storage bridge. */
  readonly transfers: SpawnedWorker<TransfersPort> | undefined;
  /** All modules are loaded; only then may the rights that they are loaded with be given up. */
  readonly ready: Promise<void>;
  /** Rejects when one of them has died. */
  readonly died: Promise<never>;
  /** Stops what runs on the far side, for at most `limitMs`, then the workers. */
  stop(limitMs: number): Promise<void>;
}

/** Starts the workers and configures those that need no other; they load while the caller goes on. */
export function startWorkers(config: Config, logger: Logger): Workers {
  const start = <Port extends object>(name: WorkerName): SpawnedWorker<Port> | undefined => {
    const rights = permissionTable(config).find((row) => row.worker === name);
    return rights && spawn<Port>(rights, logger);
  };
  const ssh = needed(start<SshPort>("ssh"));
  const downloads = needed(start<DownloadsPort>("downloads"));
  const transfers = start<TransfersPort>("transfers");
  const ready = configure(config, ssh.port, downloads.port, transfers?.port);
  ready.catch(() => {}); // whoever waits for it is told
  const all = [ssh, downloads, ...(transfers === undefined ? [] : [transfers])];
  return {
    ssh,
    downloads,
    transfers,
    ready,
    died: Promise.race(all.map((worker) => worker.died)),
    async stop(limitMs) {
      await Promise.allSettled([
        ssh.port.close(limitMs),
        transfers?.port.close(limitMs),
        downloads.port.close(),
      ]);
      for (const worker of all) worker.terminate();
    },
  };
}

async function configure(
  config: Config,
  ssh: SshPort,
  downloads: DownloadsPort,
  transfers: TransfersPort | undefined,
): Promise<void> {
  const { limits, files, logLevel } = config;
  const secrets = secretsIn(config.ssh, config.secrets);
  await Promise.all([
    ssh.configure({ ssh: config.ssh, limits, files, logLevel, secrets }),
    downloads.loaded(), // it is configured once its service exists
    transfers && connectTransfers(transfers, ssh, config, await containerPrefix(config)),
  ]);
}

/** The one command that other workers may have before a file's path, with `#` for a container's number. */
export async function containerPrefix(config: Config): Promise<string | undefined> {
  if (!config.proxmox) return undefined;
  const { hostLine } = await import("../proxmox/host.ts");
  return hostLine(["pct", "exec", "#", "--"]);
}

function needed<Worker>(worker: Worker | undefined): Worker {
  if (worker === undefined) throw new TypeError("The table of rights lacks a worker");
  return worker;
}

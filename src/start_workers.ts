import type { Config } from "./config/config.ts";
import type { Logger } from "./log.ts";
import { permissionTable, type WorkerName, type WorkerRights } from "./sandbox/permissions.ts";
import { spawn, type SpawnedWorker } from "./sandbox/spawn.ts";
import type { SshPort } from "./ssh/port.ts";

/** The workers that the configuration needs. */
export interface Workers {
  readonly ssh: SpawnedWorker<SshPort>;
  /** All modules are loaded; only then may the rights that they are loaded with be given up. */
  readonly ready: Promise<void>;
  /** Rejects when one of them has died. */
  readonly died: Promise<never>;
  terminate(): void;
}

/** Starts and configures the workers; they load while the caller goes on. */
export function startWorkers(config: Config, logger: Logger): Workers {
  const ssh = spawn<SshPort>(rightsOf(config, "ssh"), logger);
  const settings = {
    ssh: config.ssh,
    limits: config.limits,
    files: config.files,
    logLevel: config.logLevel,
    secrets: config.secrets,
  };
  const ready = ssh.port.configure(settings);
  ready.catch(() => {});
  return { ssh, ready, died: ssh.died, terminate: () => ssh.terminate() };
}

function rightsOf(config: Config, name: WorkerName): WorkerRights {
  const rights = permissionTable(config).find((row) => row.worker === name);
  if (rights === undefined) throw new TypeError(`No rights for the worker ${name}`);
  return rights;
}

import { RemoteExecError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { WorkerName, WorkerPermissions } from "./permissions.ts";
import { toDenoPermissions } from "./deno_permissions.ts";
import { remote } from "../rpc/remote.ts";

/** A running worker. */
export interface SpawnedWorker<Port> {
  /** Every call also settles when the worker dies. */
  readonly port: Port;
  /** Rejects when the worker dies by itself; never resolves. */
  readonly died: Promise<never>;
  terminate(): void;
}

/** Starts the module of a worker. */
export type StartWorker = (name: WorkerName, permissions: Deno.PermissionOptionsObject) => Worker;

/** Starts a worker with exactly the permissions of its row; none is inherited. */
export function spawn<Port extends object>(
  row: WorkerPermissions,
  logger: Logger,
  start: StartWorker = startWorker,
): SpawnedWorker<Port> {
  const worker = start(row.worker, toDenoPermissions(row));
  const { port, fail } = remote<Port>(worker);
  const { promise: died, reject } = Promise.withResolvers<never>();
  died.catch(() => {});
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    logger.error(`worker ${row.worker} died`, event.message);
    fail(workerDied(row.worker));
    reject(workerDied(row.worker));
  });
  return {
    port,
    died,
    terminate: () => worker.terminate(),
  };
}

/** Starts a worker's module. The URLs must be literals: `release/modules.ts` replaces them. */
export function startWorker(name: WorkerName, permissions: Deno.PermissionOptionsObject): Worker {
  const options = { type: "module", name, deno: { permissions } } as const;
  switch (name) {
    case "ssh":
      return new Worker(new URL("../ssh/worker/main.ts", import.meta.url), options);
    case "launcher":
      return new Worker(new URL("../sandbox/launcher.ts", import.meta.url), options);
    case "transfers":
      return new Worker(new URL("../transfers/worker/main.ts", import.meta.url), options);
    case "downloads":
      return new Worker(new URL("../downloads/worker/main.ts", import.meta.url), options);
  }
}

/** Returns the error for every call to a worker that has died. */
export const workerDied = (name: WorkerName) =>
  new RemoteExecError(
    "worker_died",
    `The ${name} worker of the server ended unexpectedly`,
    "Restart the MCP server; its stderr says why the worker ended",
  );

import { RemoteExecError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { WorkerName, WorkerPermissions } from "./permissions.ts";
import { remote } from "../rpc/remote.ts";

/** A running worker. */
export interface SpawnedWorker<Port> {
  /** Every call also settles when the worker dies. */
  readonly port: Port;
  /** Rejects when the worker dies by itself; never resolves. */
  readonly died: Promise<never>;
  terminate(): void;
}

/** Starts a worker with exactly the permissions of its row; none is inherited. */
export function spawn<Port extends object>(
  row: WorkerPermissions,
  logger: Logger,
  start: (name: WorkerName, permissions: Deno.PermissionOptionsObject) => Worker = startWorker,
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

/** The row in Deno's form. An empty list becomes `false`. */
export function toDenoPermissions(row: WorkerPermissions): Deno.PermissionOptionsObject {
  const some = (list: readonly string[]) => list.length === 0 ? false : [...list];
  return {
    net: some(row.net),
    read: some(row.read),
    write: some(row.write),
    env: false,
    run: false,
    sys: false,
    ffi: false,
    import: false,
  };
}

/** Starts a worker's module. The URLs are literals, so that `deno compile` can embed the modules. */
function startWorker(name: WorkerName, permissions: Deno.PermissionOptionsObject): Worker {
  const options = { type: "module", name, deno: { permissions } } as const;
  switch (name) {
    case "ssh":
      return new Worker(new URL("../ssh/worker/main.ts", import.meta.url), options);
    case "transfers":
      return new Worker(new URL("../transfers/worker/main.ts", import.meta.url), options);
    case "downloads":
      return new Worker(new URL("../downloads/worker/main.ts", import.meta.url), options);
  }
}

const workerDied = (name: WorkerName) =>
  new RemoteExecError(
    "worker_died",
    `The ${name} worker of the server ended unexpectedly`,
    "Restart the MCP server; its stderr says why the worker ended",
  );

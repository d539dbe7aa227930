import { RemoteExecError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { WorkerName, WorkerRights } from "./permissions.ts";
import { remote } from "../rpc/remote.ts";
import { startWorker } from "./workers.ts";

/** A running worker: its port and its end. */
export interface SpawnedWorker<Port> {
  /** Every call also settles when the worker dies. */
  readonly port: Port;
  /** Rejects when the worker dies of itself; never resolves. */
  readonly died: Promise<never>;
  terminate(): void;
}

/** Starts a worker with exactly the rights of its row; no right is inherited. */
export function spawn<Port extends object>(
  rights: WorkerRights,
  logger: Logger,
  start: (name: WorkerName, permissions: Deno.PermissionOptionsObject) => Worker = startWorker,
): SpawnedWorker<Port> {
  const worker = start(rights.worker, toDenoPermissions(rights));
  const { port, fail } = remote<Port>(worker);
  const { promise: died, reject } = Promise.withResolvers<never>();
  died.catch(() => {});
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    logger.error(`worker ${rights.worker} died`, event.message);
    fail(workerDied(rights.worker));
    reject(workerDied(rights.worker));
  });
  return {
    port,
    died,
    terminate: () => worker.terminate(),
  };
}

/** The row as the runtime takes it. A list that is empty is a plain refusal. */
export function toDenoPermissions(rights: WorkerRights): Deno.PermissionOptionsObject {
  const some = (list: readonly string[]) => list.length === 0 ? false : [...list];
  return {
    net: some(rights.net),
    read: some(rights.read),
    write: some(rights.write),
    env: false,
    run: false,
    sys: false,
    ffi: false,
    import: false,
  };
}

const workerDied = (name: WorkerName) =>
  new RemoteExecError(
    "worker_died",
    `The ${name} module of the server has ended unexpectedly`,
    "Restart the MCP server; its stderr says why the module ended",
  );

import * as comlink from "comlink";
import { RemoteExecError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { WorkerName, WorkerRights } from "./permissions.ts";
import { startWorker } from "./workers.ts";
import { installErrorTransfer } from "./wire.ts";

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
  installErrorTransfer((defect) => logger.error("defect in main", defect));
  const worker = start(rights.worker, toDenoPermissions(rights));
  const { promise: died, reject } = Promise.withResolvers<never>();
  died.catch(() => {});
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    logger.error(`worker ${rights.worker} died`, event.message);
    reject(workerDied(rights.worker));
  });
  return {
    port: racing(comlink.wrap<Port>(worker), died),
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

/** A call into a dead worker never settles by itself, so each one races with the worker's death. */
function racing<Port extends object>(remote: comlink.Remote<Port>, died: Promise<never>): Port {
  const handler: ProxyHandler<object> = {
    get(_target, name) {
      if (typeof name !== "string" || name === "then") return undefined;
      return (...args: unknown[]) =>
        // The name is one of Port's functions; the type of the proxy sees to it.
        Promise.race([
          (remote as Record<string, (...args: unknown[]) => Promise<unknown>>)[name]?.(...args),
          died,
        ]);
    },
  };
  return new Proxy({}, handler) as Port; // the handler answers for every function of Port
}

import type { Logger } from "../log.ts";
import { fieldsOf } from "../rpc/wire.ts";
import { remote } from "../rpc/remote.ts";
import { type Permissions, toDenoPermissions } from "./deno_permissions.ts";
import type { WorkerPermissions } from "./permissions.ts";
import { RemoteExecError } from "../errors.ts";
import { type SpawnedWorker, type StartWorker, startWorker, workerDied } from "./spawn.ts";

/** Starts workers of hosts at any time, each with exactly its row. */
export class Launcher {
  /** The launcher is loaded: main reads its module, and may drop its permissions only then. */
  readonly ready: Promise<void>;
  /** Rejects when the launcher itself dies; then no host works anymore. */
  readonly died: Promise<never>;
  readonly #worker: Worker;
  readonly #logger: Logger;
  readonly #onDeath = new Map<number, (reason: string) => void>();
  #lastRun = 0;

  /** @param rows one for each host; the number of a host is its place in this list */
  constructor(
    row: WorkerPermissions,
    rows: readonly Permissions[],
    logger: Logger,
    start: StartWorker = startWorker,
  ) {
    this.#logger = logger;
    this.#worker = start("launcher", toDenoPermissions(row));
    this.#worker.postMessage(rows.map(({ net, read, write }) => ({ net, read, write })));
    const loaded = Promise.withResolvers<void>();
    this.#worker.addEventListener("message", ({ data }) => {
      const { died, message } = fieldsOf(data);
      loaded.resolve();
      if (typeof died === "number") this.#onDeath.get(died)?.(String(message));
    });
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.died = promise;
    this.ready = Promise.race([loaded.promise, promise]);
    this.ready.catch(() => {}); // reported to the caller that awaits it
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      logger.error("worker launcher died", event.message);
      for (const end of this.#onDeath.values()) end("its launcher died");
      reject(workerDied("launcher"));
    });
  }

  /** Starts the worker of a host. @param name for messages */
  launch<Port extends object>(row: number, name: string): SpawnedWorker<Port> {
    const run = ++this.#lastRun;
    const { port1, port2 } = new MessageChannel();
    const { port, fail } = remote<Port>(port1);
    const { promise: died, reject } = Promise.withResolvers<never>();
    died.catch(() => {});
    const end = () => {
      this.#onDeath.delete(run);
      fail(hostWorkerDied(name));
      port1.close();
    };
    this.#onDeath.set(run, (reason) => {
      this.#logger.error(`the worker of ${name} died`, reason);
      end();
      reject(hostWorkerDied(name));
    });
    this.#worker.postMessage({ start: run, row, port: port2 }, [port2]);
    return {
      port,
      died,
      terminate: () => {
        this.#worker.postMessage({ end: run });
        end();
      },
    };
  }

  /** Ends the launcher and every worker that it started. */
  terminate(): void {
    this.#worker.terminate();
  }
}

const hostWorkerDied = (name: string) =>
  new RemoteExecError(
    "worker_died",
    `The worker of ${name} ended unexpectedly`,
    "Try again: it is started again; the server's stderr says why it ended",
  );

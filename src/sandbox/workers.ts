import type { WorkerName } from "./permissions.ts";

/** Starts a worker's module. The URLs are literals, so that `deno compile` can embed the modules. */
export function startWorker(name: WorkerName, permissions: Deno.PermissionOptionsObject): Worker {
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

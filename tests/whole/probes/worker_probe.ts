// Starts a worker with exactly the rights of its row and has it try what it may not do.
import { readEnvironment } from "../../../src/cli/environment.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { thisMachine } from "../../../src/config/paths.ts";
import { permissionTable } from "../../../src/sandbox/permissions.ts";
import { toDenoPermissions } from "../../../src/sandbox/spawn.ts";

const env = readEnvironment(undefined);
const loaded = loadConfig(env, thisMachine(env));
if (!loaded.ok) throw new Error("The configuration has faults");
const row = permissionTable(loaded.config).find(({ worker }) => worker === "ssh");
if (row === undefined) throw new Error("There is no row for the ssh worker");
const worker = new Worker(new URL("./ssh_worker_probe.ts", import.meta.url), {
  type: "module",
  deno: { permissions: toDenoPermissions(row) },
});
const answer = new Promise((resolve) =>
  worker.addEventListener("message", resolve, { once: true })
);
worker.postMessage(JSON.parse(Deno.args[0] ?? ""));
const { data } = await answer as MessageEvent;
worker.terminate();
Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(data)}\n`));

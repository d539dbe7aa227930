// Starts a worker with exactly the permissions of its row and makes it try forbidden things.
// Arguments: the worker's name and its task as JSON.
import { readEnvironment } from "../../../src/cli/environment.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { thisMachine } from "../../../src/config/paths.ts";
import { permissionTable } from "../../../src/sandbox/permissions.ts";
import { toDenoPermissions } from "../../../src/sandbox/deno_permissions.ts";

const [name, task] = Deno.args;
const { env, origin } = readEnvironment(undefined);
const loaded = loadConfig(env, thisMachine(env), origin);
if (!loaded.ok) throw new Error("The configuration has faults");
const row = permissionTable(loaded.config).find(({ worker }) => worker === name);
if (row === undefined) throw new Error(`There is no row for the worker ${name}`);
const worker = new Worker(new URL(`./${name}_worker_probe.ts`, import.meta.url), {
  type: "module",
  deno: { permissions: toDenoPermissions(row) },
});
const answer = new Promise<unknown>((resolve) =>
  worker.addEventListener("message", ({ data }) => data.probe && resolve(data.probe))
);
worker.postMessage(JSON.parse(task ?? ""));
Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(await answer)}\n`));
worker.terminate();

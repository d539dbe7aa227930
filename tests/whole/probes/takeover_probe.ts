// Two hosts as the server starts them; the worker of the first one attacks and dies when it is told to.
// Argument: the task as JSON. Writes the results to stderr.
import { readEnvironment } from "../../../src/cli/environment.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { thisMachine } from "../../../src/config/paths.ts";
import { createLogger } from "../../../src/log.ts";
import { dropPermissions } from "../../../src/sandbox/drop_permissions.ts";
import { permissionTable } from "../../../src/sandbox/permissions.ts";
import { HostWorkers } from "../../../src/server/host_workers.ts";
import { startedBy } from "../../sandbox/probe_launcher_count.ts";
import { PROJECT } from "../../support/project.ts";
import { until } from "../../support/until.ts";

const { env, origin } = readEnvironment(undefined);
const loaded = loadConfig(env, thisMachine(env), origin);
if (!loaded.ok || !loaded.config.hosts) throw new Error("The configuration has faults");
const { config, config: { hosts } } = loaded;
let launcher: Worker | undefined;
const workers = new HostWorkers(
  config,
  hosts,
  // The launcher needs this project's modules to start the workers from source.
  permissionTable(config, Deno.build.standalone ? [] : [PROJECT]),
  createLogger("error"),
  {
    start: (name, permissions) =>
      launcher = new Worker(new URL("./takeover_launcher.ts", import.meta.url), {
        type: "module",
        name,
        deno: { permissions },
      }),
  },
);
await workers.ready;
dropPermissions();

const ask = async (host: number, command = "echo $HOST_NAME") => {
  const request = { command, timeoutMs: 30_000 };
  const outcome = await workers.port(host).exec(request, new AbortController().signal, undefined);
  return outcome.stdout.text;
};
const before = [await ask(0), await ask(1)];
// Only a channel by name reaches the attacker: main has no other way to it than its calls.
const channel = new BroadcastChannel("takeover");
let results: unknown;
channel.onmessage = ({ data }) => results = data.results;
channel.postMessage({ task: JSON.parse(Deno.args[0] ?? "") });
const during = new Set<string>();
// The other host's connection is in use all the time.
await until("the end of the attacks", async () => {
  during.add(await ask(1));
  return results !== undefined;
});
const after = [await ask(0), await ask(1)];
const pending = ask(0, "sleep 30").catch((error) => error.code);
channel.postMessage({ die: true });
const death = [await pending, await ask(1), await ask(0)];
channel.close();
const started = launcher && await startedBy(launcher);
workers.terminate();
const input = new Uint8Array(1_000);
const length = await Deno.stdin.read(input) ?? 0;
const stdin = new TextDecoder().decode(input.subarray(0, length));
const report = { results, before, during: [...during], after, death, started, stdin };
Deno.stderr.writeSync(new TextEncoder().encode(`${JSON.stringify(report)}\n`));
Deno.exit(0);

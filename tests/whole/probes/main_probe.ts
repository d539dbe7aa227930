// Starts the server as main.ts does and then tries, in the same isolate, what it may not do any more.
import { readEnvironment } from "../../../src/cli/environment.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { thisMachine } from "../../../src/config/paths.ts";
import { createLogger } from "../../../src/log.ts";
import { serve } from "../../../src/serve.ts";
import { startWorkers } from "../../../src/start_workers.ts";
import { tryEverything } from "./attempts.ts";

const env = readEnvironment(undefined);
const loaded = loadConfig(env, thisMachine(env));
if (!loaded.ok) throw new Error("The configuration has faults");
const logger = createLogger("error", loaded.config.secrets);
const running = await serve(loaded.config, startWorkers(loaded.config, logger), logger);
const { ssh, files } = loaded.config;
const results = await tryEverything({
  host: ssh.host,
  port: ssh.port,
  otherPort: ssh.port,
  file: `${files.workingDirectory}/mine.ts`,
  directory: files.workingDirectory,
});
const names = ["net", "read", "write", "env", "run", "sys", "ffi", "import"] as const;
const states = names.map((name) => [name, Deno.permissions.requestSync({ name }).state]);
const report = JSON.stringify({ results, states: Object.fromEntries(states) });
Deno.stderr.writeSync(new TextEncoder().encode(`${report}\n`));
await running.stop();
Deno.exit(0);

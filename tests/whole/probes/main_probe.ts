// Starts the server as main.ts does, then tries forbidden things in the same isolate.
import { readEnvironment } from "../../../src/cli/environment.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { thisMachine } from "../../../src/config/paths.ts";
import { createLogger } from "../../../src/log.ts";
import { StdioTransport } from "../../../src/mcp/stdio/transport.ts";
import { serve } from "../../../src/server/serve.ts";
import { serveUnconfigured } from "../../../src/server/unconfigured.ts";
import { startWorkers } from "../../../src/server/workers.ts";
import { tryEverything } from "./attempts.ts";

const PERMISSIONS = ["net", "read", "write", "env", "run", "sys", "ffi", "import"] as const;

/** The permissions that main still has when it starts to read from its client. */
let grantedAtStart: readonly string[] | undefined;
const { start } = StdioTransport.prototype;
StdioTransport.prototype.start = function () {
  grantedAtStart = PERMISSIONS.filter((name) =>
    Deno.permissions.querySync({ name }).state === "granted"
  );
  return start.call(this);
};

const { env, origin } = readEnvironment(undefined);
const loaded = loadConfig(env, thisMachine(env), origin);
const directory = Deno.cwd();
const logger = createLogger("error", loaded.ok ? loaded.config.secrets : []);
const running = loaded.ok
  ? await serve(loaded.config, startWorkers(loaded.config, logger), logger)
  : await serveUnconfigured(loaded.faults, logger);
const { host, port } = loaded.ok ? loaded.config.ssh : { host: "127.0.0.1", port: 1234 };
const results = await tryEverything({
  host,
  port,
  otherPort: port,
  file: `${directory}/mine.ts`,
  directory,
});
const states = PERMISSIONS.map((name) => [name, Deno.permissions.requestSync({ name }).state]);
const report = JSON.stringify({ results, states: Object.fromEntries(states), grantedAtStart });
Deno.stderr.writeSync(new TextEncoder().encode(`${report}\n`));
await running.stop();
Deno.exit(0);

// The server with an ssh worker that dies of the command "die".
import { readEnvironment } from "../../../src/cli/environment.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { thisMachine } from "../../../src/config/paths.ts";
import { createLogger } from "../../../src/log.ts";
import { spawn } from "../../../src/sandbox/spawn.ts";
import { serve } from "../../../src/serve.ts";
import type { SshPort } from "../../../src/ssh/port.ts";
import { startWorkers } from "../../../src/start_workers.ts";

const env = readEnvironment(undefined);
const loaded = loadConfig(env, thisMachine(env));
if (!loaded.ok) throw new Error("The configuration has faults");
const logger = createLogger("error");
const rights = { worker: "ssh", net: [], read: [], write: [] } as const;
const ssh = spawn<SshPort>(
  rights,
  logger,
  (name, permissions) =>
    new Worker(new URL("./dying_worker.ts", import.meta.url), {
      type: "module",
      name,
      deno: { permissions },
    }),
);
const workers = startWorkers(loaded.config, logger);
const running = await serve(loaded.config, { ...workers, ssh, died: ssh.died }, logger);
running.broken.catch(() => setTimeout(() => Deno.exit(1), 200));

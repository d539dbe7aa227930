// The server with an ssh worker that crashes on the command "die".
import { serveUntilEnd } from "../../../main.ts";
import { readEnvironment } from "../../../src/cli/environment.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { thisMachine } from "../../../src/config/paths.ts";
import { spawn } from "../../../src/sandbox/spawn.ts";
import type { SshPort } from "../../../src/ssh/port.ts";
import type { TextPort } from "../../../src/ssh/text/port.ts";
import { startWorkers } from "../../../src/server/workers.ts";

const { env, origin } = readEnvironment(undefined);
const loaded = loadConfig(env, thisMachine(env), origin);
if (!loaded.ok) throw new Error("The configuration has faults");
await serveUntilEnd(loaded.config, (config, logger) => {
  const row = { worker: "ssh", net: [], read: [], write: [] } as const;
  const ssh = spawn<SshPort & TextPort>(
    row,
    logger,
    (name, permissions) =>
      new Worker(new URL("./dying_worker.ts", import.meta.url), {
        type: "module",
        name,
        deno: { permissions },
      }),
  );
  return { ...startWorkers(config, logger), ssh, died: ssh.died };
});

import { parseArguments } from "./src/cli/arguments.ts";
import { readEnvironment } from "./src/cli/environment.ts";
import { runDoctor } from "./src/cli/doctor.ts";
import { helpText } from "./src/cli/help.ts";
import { printTo } from "./src/cli/print.ts";
import { onSignal } from "./src/server/stdio.ts";
import type { Config } from "./src/config/config.ts";
import { formatFaults } from "./src/config/faults.ts";
import { loadConfig } from "./src/config/load.ts";
import { formatOrigin, formatRemark } from "./src/config/origin.ts";
import { thisMachine } from "./src/config/paths.ts";
import { RemoteExecError } from "./src/errors.ts";
import { createLogger, type Logger } from "./src/log.ts";
import { refuseClient } from "./src/mcp/refuse.ts";
import { formatPermissions, permissionTable } from "./src/sandbox/permissions.ts";
import { withOwnIdentities } from "./src/server/own_identities.ts";
import { startWorkers } from "./src/server/workers.ts";
import { VERSION } from "./src/version.ts";

const MISCONFIGURED = 2;
const BROKEN = 1;
/** An exit takes at most two seconds, whatever the host does. */
const EXIT_LIMIT_MS = 1_900;

if (import.meta.main) await main(Deno.args);

async function main(args: readonly string[]): Promise<void> {
  const task = parseArguments(args);
  switch (task.kind) {
    case "help":
      return print(helpText());
    case "version":
      return print(`mcp-remote-exec version ${VERSION}\n`);
    case "mistake":
      printError(`${task.message}\n`);
      return Deno.exit(MISCONFIGURED);
  }
  const loaded = load(task.envFile);
  if (typeof loaded === "string") {
    printError(`${loaded}\n`);
    if (task.kind === "serve" && !Deno.stdin.isTerminal()) {
      await refuseClient(Deno.stdin.readable, print, loaded, 5_000);
    }
    return Deno.exit(MISCONFIGURED);
  }
  if (task.kind === "permissions") {
    printError(originLines(loaded).map((line) => `${line}\n`).join(""));
    return print(formatPermissions(permissionTable(loaded)));
  }
  if (task.kind === "doctor") return Deno.exit(await runDoctor(loaded, print));
  await serveUntilEnd(loaded);
}

/** Returns the configuration, or a text with all of its faults. */
function load(envFile: string | undefined): Config | string {
  try {
    const { env, origin } = readEnvironment(envFile);
    const loaded = loadConfig(env, thisMachine(env), origin);
    return loaded.ok ? loaded.config : formatFaults(loaded.faults);
  } catch (error) {
    if (!(error instanceof RemoteExecError)) throw error;
    return formatFaults([{ message: error.message, remedy: error.suggestion }]);
  }
}

/** Serves until the client disconnects, then exits: with 0, or with a non-zero code if a worker died. */
export async function serveUntilEnd(config: Config, start = startWorkers): Promise<void> {
  const logger = createLogger(config.logLevel, config.secrets);
  logOrigin(config, logger);
  const complete = withOwnIdentities(config);
  const workers = start(complete, logger);
  // The MCP library loads while the workers load theirs.
  const { serve } = await import("./src/server/serve.ts");
  const running = await serve(complete, workers, logger).catch((error) => {
    logger.error("the server cannot start", error);
    return Deno.exit(BROKEN);
  });
  const ended = Promise.withResolvers<string>();
  onSignal(ended.resolve);
  running.ended.then(ended.resolve);
  ended.promise.then((reason) => {
    logger.debug(`exiting: ${reason}`);
    setTimeout(() => Deno.exit(0), EXIT_LIMIT_MS);
    running.stop().finally(() => Deno.exit(0));
  });
  running.broken.catch((error) => {
    logger.error("a worker died, the server exits", error);
    // The answers to pending calls go out first.
    setTimeout(() => Deno.exit(BROKEN), 200);
  });
}

/** Says on stderr where the configuration came from and what is odd about it. */
function logOrigin({ origin }: Config, logger: Logger): void {
  const source = formatOrigin(origin);
  if (source !== undefined) logger.info(`configuration: ${source}`);
  for (const remark of origin.remarks) {
    logger[remark.level === "info" ? "info" : "warn"](formatRemark(remark));
  }
}

function originLines({ origin }: Config): string[] {
  const source = formatOrigin(origin);
  return [...(source === undefined ? [] : [source]), ...origin.remarks.map(formatRemark)];
}

function print(text: string): void {
  printTo(Deno.stdout, text);
}

function printError(text: string): void {
  printTo(Deno.stderr, text);
}

import { parseArguments } from "./src/cli/arguments.ts";
import { readConfiguration } from "./src/cli/configuration.ts";
import { formatFaultsAsJson, runDoctor } from "./src/cli/doctor.ts";
import { helpText } from "./src/cli/help.ts";
import { printTo } from "./src/cli/print.ts";
import { onSignal } from "./src/server/stdio.ts";
import type { Config } from "./src/config/config.ts";
import { type Fault, formatFaults } from "./src/config/faults.ts";
import { formatOrigin, formatRemark } from "./src/config/origin.ts";
import { createLogger, type Logger } from "./src/log.ts";
import { describeAccess } from "./src/sandbox/permissions.ts";
import { withOwnIdentities } from "./src/server/own_identities.ts";
import type { Running } from "./src/server/running.ts";
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
      return print(helpText(task.topic));
    case "version":
      return print(`mcp-remote-exec version ${VERSION}\n`);
    case "completions": {
      const { completions } = await import("./src/cli/completions/completions.ts");
      return print(completions(task.shell));
    }
    case "mistake":
      printError(`${task.message}\n`);
      return Deno.exit(MISCONFIGURED);
    case "install":
    case "trust":
      return Deno.exit(await (await import("./src/cli/run_command.ts")).runCommand(task));
  }
  const loaded = readConfiguration(task.envFile);
  if (!loaded.ok) {
    const { faults, strictStart } = loaded;
    // A client that started the server reads neither stderr nor the exit code.
    const isForClient = task.kind === "serve" && !strictStart && !Deno.stdin.isTerminal();
    if (isForClient) return await reportUntilEnd(faults);
    if (task.kind === "doctor" && task.asJson) print(formatFaultsAsJson(faults));
    else printError(`${formatFaults(faults)}\n`);
    return Deno.exit(MISCONFIGURED);
  }
  const { config } = loaded;
  if (task.kind === "permissions") {
    printError(originLines(config).map((line) => `${line}\n`).join(""));
    return print(describeAccess(config));
  }
  if (task.kind === "doctor") return Deno.exit(await runDoctor(config, print, task.asJson));
  await serveUntilEnd(config);
}

/** Answers every call with the faults until the client disconnects, then exits with 0. */
async function reportUntilEnd(faults: readonly Fault[]): Promise<void> {
  const logger = createLogger("info");
  logger.error(
    `the server is not configured and answers every call with these faults:\n\n${
      formatFaults(faults)
    }`,
  );
  const { serveUnconfigured } = await import("./src/server/unconfigured.ts");
  exitAtEnd(await serveUnconfigured(faults, logger), logger);
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
  exitAtEnd(running, logger);
}

function exitAtEnd(running: Running, logger: Logger): void {
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

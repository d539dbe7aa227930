import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { shownValue } from "../../config/environment.ts";
import { RISKS } from "../../config/load.ts";
import { isHostVariable } from "../../config/variables/environment_names.ts";
import { type Variable, VARIABLES } from "../../config/variables/variables.ts";
import { escaped, printable, RemoteExecError } from "../../errors.ts";
import { shellWord } from "../../shell/quote.ts";
import type { InstallTask } from "../arguments.ts";
import { readIfExists, replaceFile } from "../replace_file.ts";
import type { Terminal } from "../terminal.ts";
import { type Client, clientsOn, type Places } from "./clients.ts";
import { editServers, entryOf, type Wanted } from "./edit_servers.ts";
import { type RunningProgram, startCommand } from "./server_entry.ts";
import { givenVariables, hostVariables, suggestion } from "./variables.ts";

/** What `install` knows about this machine. */
export interface InstallContext {
  readonly places: Places;
  readonly program: RunningProgram;
  /** Names in the SSH configuration. */
  readonly hostNames: () => readonly string[];
  readonly exists: (path: string) => boolean;
  readonly terminal: Terminal;
}

/**
 * Adds this server to the files of MCP clients, or prints what it would add.
 *
 * @returns the exit code
 * @throws RemoteExecError when something is missing or a file cannot be used
 */
export function runInstall(task: InstallTask, context: InstallContext): number {
  const { terminal } = context;
  const clients = chooseClients(task, context);
  const env = variablesFor(task, context);
  if (task.envFile !== undefined && !context.exists(resolve(task.envFile))) {
    throw missing(`${shownValue(task.envFile)} does not exist`, "Correct --env-file");
  }
  const start = startCommand(context.program);
  const envFile = task.envFile === undefined ? [] : ["--env-file", resolve(task.envFile)];
  const wanted = clients.map((client): [Client, Wanted] => [client, {
    ...{ key: client.key, extra: client.extra, name: task.name, env },
    start: { ...start, args: [...start.args, ...envFile] },
  }]);
  for (const [client, each] of wanted) {
    if (task.printsOnly) printEntry(client, each, terminal);
    else terminal.print(writeEntry(client, each));
  }
  if (!task.printsOnly) {
    terminal.print(nextSteps(clients));
    terminal.print(checkLine(context.program, env, envFile));
  }
  return 0;
}

function chooseClients(task: InstallTask, { places, exists, terminal }: InstallContext): Client[] {
  const clients = clientsOn(places);
  const ids = clients.map(({ id }) => id);
  const named = [...new Set(task.clients)].map((word) => {
    const client = clients.find(({ id, name }) => id === word || name.toLowerCase() === word);
    if (client !== undefined) return client;
    throw missing(
      `unknown client ${shownValue(word)}${suggestion(word, ids)}`,
      `Choose one of: ${ids.join(", ")}`,
    );
  });
  if (named.length > 0) return named;
  const found = clients.filter(({ signs }) => signs.some(exists));
  if (found.length === 1) return found;
  const [any] = clients;
  if (task.printsOnly && any !== undefined) return [any];
  const choice = found.length === 0 ? clients : found;
  const answer = terminal.isInteractive
    ? terminal.ask(`Which client (${choice.map(({ id }) => id).join(", ")})? `)
    : "";
  const asked = clients.find(({ id }) => id === answer);
  if (asked !== undefined) return [asked];
  throw missing(
    found.length === 0
      ? "no MCP client was found on this machine"
      : `several MCP clients are on this machine: ${found.map(({ id }) => id).join(", ")}`,
    `Choose with --client ${choice.map(({ id }) => id).join("|")}`,
  );
}

function variablesFor(task: InstallTask, context: InstallContext): Record<string, string> {
  const given = givenVariables(task.variables);
  // The file has them.
  if (task.envFile !== undefined) return { ...hostVariables(task.hosts), ...given };
  const isGiven = given["HOST"] !== undefined || given["HOSTS"] !== undefined;
  const hosts = isGiven || task.hosts.length > 0 ? task.hosts : [chooseHost(context)];
  return {
    I_ACCEPT_RISKS: acceptance(task, given, context),
    ...hostVariables(hosts),
    ...given,
  };
}

/** Names of code hosting services, which give nobody a shell. */
const NO_SHELL = /(^|[.-])(github|gitlab|bitbucket|codeberg)([.-]|$)/i;

function chooseHost({ hostNames, terminal }: InstallContext): string {
  const names = hostNames().filter((name) => !NO_SHELL.test(name));
  const [only] = names;
  if (names.length === 1 && only !== undefined) return only;
  const shown = names.slice(0, 20).map((name) => printable(name)).join(", ");
  const answer = terminal.isInteractive
    ? terminal.ask(`Which host${names.length === 0 ? "" : ` (${shown})`}? `)
    : "";
  if (answer !== "") return answer;
  throw missing(
    names.length === 0
      ? "no host was given, and ~/.ssh/config names none"
      : `~/.ssh/config names several hosts: ${shown}`,
    "Name the host: mcp-remote-exec install HOST",
  );
}

function acceptance(
  { acceptsRisks, printsOnly }: InstallTask,
  given: Readonly<Record<string, string>>,
  { terminal }: InstallContext,
): string {
  if (acceptsRisks || given["I_ACCEPT_RISKS"] === "true") return "true";
  // Nothing is started with what is printed only.
  if (printsOnly) return "false";
  if (terminal.isInteractive) {
    terminal.printError(`${RISKS}\n`);
    if (/^y(es)?$/i.test(terminal.ask("Do you accept this (yes/no)? "))) return "true";
  }
  throw missing(
    "the risks of giving an AI access to your machines are not accepted",
    "Read the DISCLAIMER in README, then add --accept-risks",
  );
}

function printEntry(client: Client, wanted: Wanted, terminal: Terminal): void {
  const { name = "remote", key } = wanted;
  const accepted = wanted.env["I_ACCEPT_RISKS"] !== "false";
  terminal.printError(
    `# ${client.name}: ${printable(client.file)}\n${
      accepted
        ? ""
        : "# Set I_ACCEPT_RISKS to true when you accept the risks (README, DISCLAIMER)\n"
    }`,
  );
  terminal.print(`${JSON.stringify({ [key]: { [name]: entryOf(wanted) } }, null, 2)}\n`);
}

function writeEntry(client: Client, wanted: Wanted): string {
  const { file } = client;
  const before = readIfExists(file);
  const edited = edit(before ?? "", file, wanted);
  const { change, name, text, removed } = edited;
  const server = `${client.name}: the server ${printable(JSON.stringify(name))}`;
  if (change === "none") return `${server} is already in ${printable(file)}\n`;
  const kept = replaceFile({ path: file, text, before, keepsOld: true });
  return [
    `${server} was ${change === "added" ? "added to" : "updated in"} ${printable(file)}`,
    ...(kept === undefined ? [] : [`  old file: ${printable(kept)}`]),
    ...(removed.length === 0
      ? []
      : [`  removed, because they were for another host: ${removed.join(", ")}`]),
    ...exposure(client, wanted),
    "",
  ].join("\n");
}

/** The file keeps its mode, which may let other users of this machine read it. */
function exposure({ file }: Client, { env }: Wanted): string[] {
  if (Deno.build.os === "windows" || !Object.keys(env).some(isSecretName)) return [];
  const isOpen = ((Deno.statSync(file).mode ?? 0) & 0o077) !== 0;
  const path = escaped(shellWord(file));
  return isOpen ? [`  other users can read its secrets; run: chmod 600 ${path}`] : [];
}

const isSecretName = (name: string): boolean =>
  isHostVariable(name) ||
  Object.values<Variable<unknown>>(VARIABLES).some((each) =>
    each.secret && [each.name, ...each.aliases].includes(name)
  );

function edit(text: string, file: string, wanted: Wanted) {
  try {
    return editServers(text, wanted);
  } catch (error) {
    if (!(error instanceof RemoteExecError)) throw error;
    throw new RemoteExecError(
      error.code,
      `${printable(file)} was not changed: ${error.message}`,
      error.suggestion,
    );
  }
}

const nextSteps = (clients: readonly Client[]): string =>
  `Next: ${[...new Set(clients.map(({ next }) => next))].join("; ")}.\n`;

/** Variables that are not secret, and that a check needs. */
const SHOWN = ["I_ACCEPT_RISKS", "HOST", "HOSTS", "SSH_USERNAME", "SSH_PORT", "SSH_KEY"];

/** Returns the command that checks the setup, for a POSIX shell or PowerShell. Nothing needs to be in PATH for it. */
function checkLine(
  program: RunningProgram,
  env: Readonly<Record<string, string>>,
  envFile: readonly string[],
): string {
  const { command, args } = startCommand(program);
  const isWindows = program.os === "windows";
  const quote = isWindows ? powershellWord : shellWord;
  const variables = SHOWN.flatMap((name) => {
    const value = env[name];
    if (value === undefined) return [];
    return [isWindows ? `$env:${name}=${quoted(value)};` : `${name}=${quote(value)}`];
  });
  const words = [command, ...args, ...envFile, "doctor"].map(quote);
  if (isWindows) words.unshift("&");
  const others = Object.keys(env).filter((name) => !SHOWN.includes(name));
  return `Check: ${escaped([...variables, ...words].join(" "))}\n${
    others.length === 0 ? "" : `  Set these too: ${others.join(", ")}\n`
  }`;
}

const powershellWord = (word: string): string => /^[\w./@-]+$/.test(word) ? word : quoted(word);

const quoted = (word: string): string => `'${word.replaceAll("'", "''")}'`;

/** Returns the facts about the running process. */
export const runningProgram = (): RunningProgram => ({
  os: Deno.build.os,
  isCompiled: Deno.build.standalone,
  executable: Deno.execPath(),
  sourceTree: dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))),
  denoVersion: Deno.version.deno,
});

const missing = (message: string, remedy: string) =>
  new RemoteExecError("configuration", message, remedy);

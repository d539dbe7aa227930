import { formatFaults } from "../config/faults.ts";
import { hostNamesIn, loadHost } from "../config/load.ts";
import { thisMachine } from "../config/paths.ts";
import { RemoteExecError } from "../errors.ts";
import { createLogger } from "../log.ts";
import { dropPermissions } from "../sandbox/drop_permissions.ts";
import { connectionRow } from "../sandbox/permissions.ts";
import { spawn } from "../sandbox/spawn.ts";
import type { HostKeysPort } from "../ssh/host_keys_port.ts";
import type { SshPort } from "../ssh/port.ts";
import type { InstallTask, TrustTask } from "./arguments.ts";
import { processEnvironment, readEnvironment } from "./environment.ts";
import { processTerminal } from "./terminal.ts";

const FAILED = 1;
const MISUSED = 2;
/** For connecting to a host. */
const TIMEOUT_MS = 30_000;

/**
 * Runs a command that needs no complete configuration.
 *
 * @returns the exit code: 2 if something is missing or wrong on the command line or in a file, 1 for other failures
 */
export async function runCommand(task: InstallTask | TrustTask): Promise<number> {
  const terminal = processTerminal();
  try {
    return await (task.kind === "install" ? install(task) : trust(task));
  } catch (error) {
    if (!(error instanceof RemoteExecError)) throw error;
    const { message, suggestion: remedy, code } = error;
    terminal.printError(`${formatFaults([{ message, remedy }])}\n`);
    return code === "configuration" ? MISUSED : FAILED;
  }
}

async function install(task: InstallTask): Promise<number> {
  const { runInstall, runningProgram } = await import("./install/install.ts");
  const env = processEnvironment();
  const machine = thisMachine(env);
  const { home } = machine;
  if (home === undefined) {
    throw new RemoteExecError(
      "configuration",
      "the home directory is not known",
      "Set HOME (on Windows USERPROFILE)",
    );
  }
  const program = runningProgram();
  // Finding it out writes a temporary file, and the SSH configuration must belong to this user.
  machine.userId();
  dropPermissions(task.printsOnly ? ["read"] : ["read", "write"]);
  return runInstall(task, {
    ...{ places: { os: Deno.build.os, home, env }, program, terminal: processTerminal() },
    hostNames: () => hostNamesIn(env, machine),
    exists: (path) => machine.kind(path) !== "missing",
  });
}

async function trust({ host, expected, envFile }: TrustTask): Promise<number> {
  const { parseTarget, checkFingerprints, runTrust } = await import("./trust/trust.ts");
  const fingerprints = checkFingerprints(expected);
  const target = parseTarget(host);
  const { env } = readEnvironment(envFile);
  const loaded = loadHost(target.host, target.port, env, thisMachine(env));
  if (!loaded.ok) {
    const [{ message, remedy } = { message: "the host is not usable", remedy: "" }] = loaded.faults;
    throw new RemoteExecError("configuration", message, remedy);
  }
  const { ssh, secrets } = loaded.host;
  const logger = createLogger("error", secrets);
  const worker = spawn<HostKeysPort & Pick<SshPort, "configure">>(connectionRow(ssh), logger);
  // The worker has what it needs; this isolate only writes known_hosts.
  dropPermissions(["read", "write"]);
  try {
    await worker.port.configure({
      ...{ ssh, secrets, logLevel: "error" },
      limits: { timeoutMs: TIMEOUT_MS, characterLimit: 0, maxFileBytes: 0 },
      files: { workingDirectory: "", roots: [], aliases: [], own: [] },
    });
    const context = { ssh, port: worker.port, expected: fingerprints };
    return await runTrust({ ...context, terminal: processTerminal() });
  } finally {
    worker.terminate();
  }
}

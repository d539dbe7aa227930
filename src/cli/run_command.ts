import { formatFaults } from "../config/faults.ts";
import { hostNamesIn } from "../config/load.ts";
import { thisMachine } from "../config/paths.ts";
import { RemoteExecError } from "../errors.ts";
import { dropPermissions } from "../sandbox/drop_permissions.ts";
import type { InstallTask } from "./arguments.ts";
import { processEnvironment } from "./environment.ts";
import { processTerminal } from "./terminal.ts";

const FAILED = 1;
const MISUSED = 2;

/**
 * Runs a command that needs no configuration.
 *
 * @returns the exit code: 2 if something is missing or wrong on the command line or in a file, 1 for other failures
 */
export async function runCommand(task: InstallTask): Promise<number> {
  const terminal = processTerminal();
  try {
    return await install(task);
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

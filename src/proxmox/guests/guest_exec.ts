import type { ExecOutcome } from "../../ssh/port.ts";
import type { ExecCall } from "../../ssh/service.ts";

/** Runs commands in the guests of one kind. */
export interface GuestExec {
  /** @throws RemoteExecError if the command was not started; every ending is an outcome */
  run(id: number, call: ExecCall): Promise<ExecOutcome>;
}

/**
 * Returns shell text that runs the command in a variable with bash, or with sh where bash is missing.
 *
 * @param variable the expansion, like `$1`
 */
export const runInShell = (variable: string): string =>
  [
    // `--` ends the shell's own options: a command may begin with a dash.
    `if command -v bash >/dev/null 2>&1; then exec bash -c -- "${variable}"; fi`,
    `exec sh -c -- "${variable}"`,
  ].join("; ");

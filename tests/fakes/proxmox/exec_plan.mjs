/** `pct exec` ends in another program: the shell text that the launcher runs in its own place. */
import fs from "node:fs";
import process from "node:process";
import { Exit, fail, out } from "./cli.mjs";
import { enter, findProgram, GUEST_PATH, rootOf, statInside } from "./namespace.mjs";
import { fault } from "./state.mjs";

const quote = (word) => `'${word.replaceAll("'", `'\\''`)}'`;

const CLEAN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Prints the plan. A status of the guest's command is passed through, one killed by a signal is
 * 128 + signal, as lxc-attach has it: therefore the launcher waits and is not replaced.
 * Source: pve-container 94f5585 src/PVE/CLI/pct.pm:214-255; lxc e7b855a src/lxc/attach.c:1599-1608.
 */
export function planExec(ct, command, keepEnvironment) {
  if (fault("attachFails")) {
    throw new Exit(
      1,
      `lxc-attach: ${ct.id}: ../src/lxc/attach.c: get_attach_context: 405 ` +
        `Connection refused - Failed to get init pid\n`,
    );
  }
  refuseUnknown(ct, command[0]);
  const [program, ...inside] = [...enter(ct, workingDirectory(ct)), ...command];
  const clean = keepEnvironment ? [] : ["/usr/bin/env", "-i"];
  const path = keepEnvironment ? GUEST_PATH : CLEAN_PATH;
  // Assignments stay unquoted, as a shell needs them; a word of the guest's command never is one.
  const before = [...clean, "container=lxc", `PATH=${path}`];
  const line = [...before, ...[onHost(program), ...inside].map(quote)].join(" ");
  out(`unset SSL_CERT_FILE SSL_CERT_DIR PVE_FAKE_ROOT plan\n`);
  // Hides the shell's own "Killed" but not the command's stderr. A redirection
  // of a plain command would hold for the shell's message too, hence the parentheses.
  out(`exec 3>&2 2>/dev/null\n(${line} 2>&3 3>&-)\nexit $?\n`);
}

const onHost = (program) =>
  program.startsWith("/") ? program : CLEAN_PATH.split(":")
    .map((directory) => `${directory}/${program}`)
    .find((file) => fs.existsSync(file)) ?? program;

function refuseUnknown(ct, name) {
  const code = findProgram(ct, name);
  if (code === 0) return;
  const reason = code === 127 ? "No such file or directory" : "Permission denied";
  fail(
    `lxc-attach: ${ct.id}: ../src/lxc/attach.c: lxc_attach_run_command: 1841 ` +
      `${reason} - Failed to exec "${name}"`,
    code,
  );
}

/** Returns the caller's directory if the guest has the same path. */
function workingDirectory(ct) {
  const directory = process.cwd();
  return statInside(rootOf(ct), directory)?.isDirectory() ? directory : "/";
}

import { RemoteExecError } from "../../errors.ts";
import { type Environment, isSet, shownValue } from "../environment.ts";
import { expandPath, type Machine } from "../paths.ts";
import type { ConfigRoot } from "../ssh_config/evaluate.ts";
import { ConfigFault } from "../ssh_config/files.ts";
import type { Values } from "../variables/variables.ts";

/** Returns the files that ssh reads, the user's first. @throws ConfigFault */
export function configRoots(values: Values, env: Environment, machine: Machine): ConfigRoot[] {
  const { home } = machine;
  if (values.sshConfig === undefined) {
    const system = systemFile("ssh_config", env, machine);
    const users = home === undefined
      ? []
      : [{ path: expandPath("~/.ssh/config", machine), isUsers: true, isChecked: true }];
    return [...users, { path: system, isUsers: false, isChecked: false }];
  }
  const path = expandPath(values.sshConfig, machine);
  if (machine.kind(path) !== "file") {
    throw new ConfigFault(
      `SSH_CONFIG names ${shownValue(values.sshConfig)}, which is not a file`,
      "Correct SSH_CONFIG, or set it to none to read no SSH configuration",
    );
  }
  return [{ path, isUsers: true, isChecked: false }];
}

/** Returns the path of a file of the system's SSH. */
export const systemFile = (name: string, env: Environment, machine: Machine): string =>
  machine.windows ? `${env.ProgramData ?? "C:\\ProgramData"}\\ssh\\${name}` : `/etc/ssh/${name}`;

/**
 * Returns the name of the user that runs the server. The environment usually has it; asking the system would need
 * `--allow-sys`.
 */
export function localUserOf(env: Environment, machine: Machine): string | undefined {
  return [env.USER, env.LOGNAME, env.USERNAME].find(isSet) ?? userFromTable(machine);
}

function userFromTable(machine: Machine): string | undefined {
  try {
    const lines = machine.readText("/etc/passwd").split("\n").map((line) => line.split(":"));
    const id = String(machine.userId());
    return lines.find(([, , uid]) => uid === id)?.[0];
  } catch {
    return undefined;
  }
}

/** Returns the file of SSH_KNOWN_HOSTS. It may be missing, and /dev/null means no file. @throws RemoteExecError */
export function knownHostsFile(value: string, machine: Machine): string {
  const path = expandPath(value, machine);
  if (path === "/dev/null" || ["file", "missing"].includes(machine.kind(path))) return path;
  throw new RemoteExecError(
    "configuration",
    `SSH_KNOWN_HOSTS names ${shownValue(value)}, which is not a file`,
    "Set SSH_KNOWN_HOSTS to a known_hosts file",
  );
}

import { misnamedNames } from "./misnamed.ts";
import { type Variable, VARIABLES } from "./variables.ts";

/**
 * Variables of the system, which name the user and locate the home directory, the system's known_hosts, the
 * program's caches and the configuration of MCP clients.
 */
export const SYSTEM_VARIABLES = [
  "HOME",
  "USER",
  "LOGNAME",
  "USERNAME",
  "XDG_RUNTIME_DIR",
  "USERPROFILE",
  "ProgramData",
  "LOCALAPPDATA",
  "XDG_CACHE_HOME",
  "DENO_DIR",
  "TMPDIR",
  "TMP",
  "TEMP",
  "APPDATA",
  "XDG_CONFIG_HOME",
  "CLAUDE_CONFIG_DIR",
] as const;

/** Beginnings of the variables for a single host, whose name follows: `SSH_PASSWORD_WEB1`. */
const HOST_VARIABLES = ["SSH_PASSWORD_", "SSH_KEY_PASSPHRASE_", "SUDO_PASSWORD_"] as const;

/** Returns the name of a variable for a single host. */
export const hostVariable = (prefix: (typeof HOST_VARIABLES)[number], host: string): string =>
  `${prefix}${host.toUpperCase().replace(/[^A-Z0-9]/g, "_")}`;

/** Reports whether a name is that of a variable for a single host. */
export const isHostVariable = (name: string): boolean =>
  HOST_VARIABLES.some((prefix) => name.startsWith(prefix) && name !== prefix);

/** Names of all variables of the table, the older ones included. */
export const variableNames = (): string[] =>
  Object.values<Variable<unknown>>(VARIABLES).flatMap(({ name, aliases }) => [name, ...aliases]);

/** Every name that the program may read from the environment, for `--allow-env`. */
export const environmentPatterns = (): string[] => [
  ...environmentNames(),
  ...HOST_VARIABLES.map((prefix) => `${prefix}*`),
];

/** The names that the program reads from the environment, but those for single hosts. */
export const environmentNames = (): string[] => [
  ...variableNames(),
  ...SYSTEM_VARIABLES,
  ...misnamedNames(),
];

import { misnamedNames } from "./misnamed.ts";
import { type Variable, VARIABLES } from "./variables.ts";

/**
 * Variables of the system, which name the user and locate the home directory, the system's known_hosts and the
 * program's caches.
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
] as const;

/** Names of all variables of the table, the older ones included. */
export const variableNames = (): string[] =>
  Object.values<Variable<unknown>>(VARIABLES).flatMap(({ name, aliases }) => [name, ...aliases]);

/** Every name that the program reads from the environment, for `--allow-env`. */
export const environmentNames = (): string[] => [
  ...variableNames(),
  ...SYSTEM_VARIABLES,
  ...misnamedNames(),
];

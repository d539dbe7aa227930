import { resolve } from "node:path";
import { parseEnv } from "node:util";
import { type Environment, isSet } from "../config/environment.ts";
import { meantVariable, misnamedNames } from "../config/variables/misnamed.ts";
import type { Origin, Remark } from "../config/origin.ts";
import {
  environmentNames,
  isHostVariable,
  SYSTEM_VARIABLES,
  variableNames,
} from "../config/variables/environment_names.ts";
import { type Variable, VARIABLES } from "../config/variables/variables.ts";
import { remarksOnLines } from "./env_lines.ts";
import { notForUs, readEnvFile, readTrustedEnvFile } from "./env_file.ts";

// The types of ssh2 depend on the types of Node 18, which lack this function.
declare module "node:util" {
  export function parseEnv(content: string): Record<string, string>;
}

/** The variables and where they come from. */
export interface Settings {
  readonly env: Environment;
  readonly origin: Origin;
}

/** If the environment sets one of these, it configures the server, and `.env` is not read. */
const CONFIGURED_BY = ["HOST", "I_ACCEPT_RISKS"] as const;
const MAX_NAMES = 20;

/**
 * Reads the variables of the process and of one environment file; the process takes precedence. No other
 * file of the program reads the environment.
 *
 * @param envFile must exist if it is given. Otherwise `.env` in the current directory is read, but only
 *   if the environment sets neither HOST nor I_ACCEPT_RISKS and only the user can have written the file
 * @throws RemoteExecError `configuration` when the file cannot be read
 */
export function readEnvironment(envFile: string | undefined): Settings {
  const given = processEnvironment();
  const remarks: Remark[] = [];
  // With a relative path only, `resolve()` loads `node:process`, which takes 10 ms.
  const path = resolve(Deno.cwd(), envFile ?? ".env");
  const text = envFile === undefined ? readDotEnv(path, given, remarks) : readEnvFile(envFile);
  const inFile: Environment = parseFile(text ?? "");
  remarks.push(...remarksOnLines(text ?? "", path));
  const { env, names } = merge(given, inFile);
  remarks.push(...misnamedInFile(inFile, path), ...misnamed(given, env));
  const complete = withHostVariables(env, inFile);
  return { env: complete, origin: { file: text === undefined ? undefined : path, names, remarks } };
}

/** Node's parser takes every `#` for the start of a comment and so cuts passwords; it needs a blank before it. */
function parseFile(text: string): Environment {
  const parsed = parseEnv(text);
  for (const [, name = "", value = ""] of text.matchAll(UNQUOTED)) {
    const cut = value.replace(/#.*/, "").trimEnd();
    const whole = value.replace(/^#(\s.*)?$|\s#.*/, "").trimEnd();
    // Otherwise the line is part of a quoted text, or a later one counts.
    if (parsed[name] === cut) parsed[name] = whole;
  }
  return parsed;
}

const UNQUOTED = /^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*=[ \t]*([^\s"'`][^\r\n]*)/gm;

/** Adds the variables for single hosts: their names are known only when the SSH configuration has been read. */
const withHostVariables = (env: Environment, inFile: Environment): Environment =>
  new Proxy(env, {
    get(known, name) {
      if (typeof name !== "string" || !isHostVariable(name)) return Reflect.get(known, name);
      const given = Deno.env.get(name);
      return isSet(given) ? given : inFile[name];
    },
  });

/** Returns the variables of the process alone. */
export const processEnvironment = (): Environment =>
  Object.fromEntries(environmentNames().map((name) => [name, Deno.env.get(name)]));

function readDotEnv(path: string, given: Environment, remarks: Remark[]): string | undefined {
  const configured = CONFIGURED_BY.find((name) => given[name] !== undefined);
  const found = configured === undefined
    ? readTrustedEnvFile(path, given.USERPROFILE)
    : isFile(path)
    ? { remark: notForUs(path, configured) }
    : undefined;
  if (found === undefined) return undefined;
  if ("text" in found) return found.text;
  remarks.push(found.remark);
  return undefined;
}

/** A variable that the environment sets under any of its names is not taken from the file. */
function merge(given: Environment, inFile: Environment): { env: Environment; names: string[] } {
  const env: Record<string, string | undefined> = {};
  for (const name of SYSTEM_VARIABLES) env[name] = given[name];
  const fromFile: string[] = [];
  for (const variable of Object.values<Variable<unknown>>(VARIABLES)) {
    const names = [variable.name, ...variable.aliases];
    const isGiven = names.some((name) => isSet(given[name]));
    for (const name of names) {
      env[name] = isGiven ? given[name] : inFile[name];
      if (!isGiven && isSet(inFile[name])) fromFile.push(name);
    }
  }
  return { env, names: fromFile };
}

/** Returns remarks on names in the environment that probably mean a variable that is not set. */
function misnamed(given: Environment, env: Environment): Remark[] {
  return misnamedNames().filter((name) => isSet(given[name])).flatMap((name) => {
    const meant = meantVariable(name, variableNames());
    return meant === undefined || isSet(env[meant]) ? [] : [misnamedRemark(name, meant)];
  });
}

function misnamedInFile(inFile: Environment, path: string): Remark[] {
  const known = variableNames();
  // Text that is not a name may be a line of a private key.
  const unknown = Object.keys(inFile)
    .filter((name) =>
      !known.includes(name) && !isHostVariable(name) &&
      /^([A-Z][A-Z0-9_]{0,39}|[a-z][a-z0-9_]{0,39})$/.test(name)
    );
  const meant = unknown.map((name) => [name, meantVariable(name, known)] as const);
  const others = meant.filter(([, variable]) => variable === undefined).map(([name]) => name);
  const remarks = meant.flatMap(([name, variable]) =>
    variable === undefined ? [] : [misnamedRemark(name, variable, path)]
  );
  return others.length === 0 ? remarks : [...remarks, unknownRemark(others, path)];
}

const misnamedRemark = (name: string, meant: string, path?: string): Remark => ({
  level: "warning",
  message: `${name}${
    path === undefined ? "" : ` in ${path}`
  } is not read: the variable is ${meant}`,
  remedy: `Rename ${name} to ${meant}`,
});

const unknownRemark = (names: readonly string[], path: string): Remark => ({
  level: "info",
  message: `${path} has names that are not read: ${names.slice(0, MAX_NAMES).join(", ")}${
    names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : ""
  }`,
  remedy:
    "Correct them if they are meant for this server (mcp-remote-exec help variables lists them)",
});

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

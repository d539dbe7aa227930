import { parseEnv } from "node:util";
import { RemoteExecError } from "../errors.ts";
import type { Environment } from "../config/load.ts";
import { environmentNames } from "../config/variables.ts";

// The types of ssh2 depend on the types of Node 18, which lack this function.
declare module "node:util" {
  export function parseEnv(content: string): Record<string, string>;
}

/**
 * Reads the variables of the process and of a `.env` file; the process wins. No other file of the
 * program reads the environment.
 *
 * @param envFile must exist if it is given; otherwise `.env` in the current directory is read if it exists
 * @throws RemoteExecError `configuration` when the file cannot be read
 */
export function readEnvironment(envFile: string | undefined): Environment {
  const fromFile: Environment = parseEnv(readEnvFile(envFile));
  return Object.fromEntries(
    environmentNames().map((name) => [name, Deno.env.get(name) || fromFile[name]]),
  );
}

function readEnvFile(envFile: string | undefined): string {
  try {
    return Deno.readTextFileSync(envFile ?? ".env");
  } catch (error) {
    if (envFile === undefined && error instanceof Deno.errors.NotFound) return "";
    throw new RemoteExecError(
      "configuration",
      `Cannot read the environment file: ${envFile ?? ".env"}`,
      "Correct --env-file, or make the file readable",
      { cause: error },
    );
  }
}

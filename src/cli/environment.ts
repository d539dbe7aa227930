import { parseEnv } from "node:util";
import { RemoteExecError } from "../errors.ts";
import type { Environment } from "../config/load.ts";
import { environmentNames } from "../config/variables.ts";

// The types of ssh2 bring those of Node 18 with them, which are then taken for the whole project.
declare module "node:util" {
  export function parseEnv(content: string): Record<string, string>;
}

/**
 * The variables of the process and of a `.env` file; the process wins. The one place that reads them.
 *
 * @param envFile must exist when it is given; `.env` in the current directory is read if it is there
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
      `The file of variables cannot be read: ${envFile ?? ".env"}`,
      "Correct --env-file, or make the file readable",
      { cause: error },
    );
  }
}

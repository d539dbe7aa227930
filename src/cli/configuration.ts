import { isStrictStart, loadConfig, type Loaded } from "../config/load.ts";
import { thisMachine } from "../config/paths.ts";
import { RemoteExecError } from "../errors.ts";
import { processEnvironment, readEnvironment } from "./environment.ts";

/** Returns the configuration of this process and of the environment file, or all of its faults. */
export function readConfiguration(envFile: string | undefined): Loaded {
  try {
    const { env, origin } = readEnvironment(envFile);
    return loadConfig(env, thisMachine(env), origin);
  } catch (error) {
    if (!(error instanceof RemoteExecError)) throw error;
    const fault = { message: error.message, remedy: error.suggestion };
    return { ok: false, faults: [fault], strictStart: isStrictStart(processEnvironment()) };
  }
}

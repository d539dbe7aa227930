import { RemoteExecError } from "../errors.ts";
import type { Report } from "./load.ts";

/** Runs one step; a thrown RemoteExecError becomes a fault and the answer undefined. */
export function attempt<T>(report: Report, step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof RemoteExecError)) throw error;
    report(error.message, error.suggestion);
    return undefined;
  }
}

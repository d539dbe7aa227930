import { RemoteExecError } from "../errors.ts";

/** One fault of the configuration and what removes it. */
export interface Fault {
  readonly message: string;
  readonly remedy: string;
}

/** Collects faults, so that all of them are reported at once. */
export type Report = (message: string, remedy: string) => void;

/** Runs one step. A thrown RemoteExecError is reported as a fault, and the result is undefined. */
export function attempt<T>(report: Report, step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof RemoteExecError)) throw error;
    report(error.message, error.suggestion);
    return undefined;
  }
}

/** Returns the faults as text for stderr and for a client that waits for an answer. */
export const formatFaults = (faults: readonly Fault[]): string =>
  faults.map(({ message, remedy }) => `${message}\n  -> ${remedy}`).join("\n\n");

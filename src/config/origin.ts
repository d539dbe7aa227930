import type { Fault } from "./faults.ts";

/** What the person who starts the server should know, although it is no fault. */
export interface Remark extends Fault {
  /** `warning` when the configuration probably does not mean what it says. */
  readonly level: "info" | "warning";
}

/** Where the values of the variables come from. */
export interface Origin {
  /** Absolute path of the environment file that was read, if any. */
  readonly file: string | undefined;
  /** Variables that have the file's value; the others come from the environment. */
  readonly names: readonly string[];
  readonly remarks: readonly Remark[];
}

/** No environment file was read. */
export const ENVIRONMENT_ONLY: Origin = { file: undefined, names: [], remarks: [] };

/** Returns the fault with the file that its variables come from added to the message. */
export function withOrigin({ message, remedy }: Fault, { file, names }: Origin): Fault {
  const text = names.some((name) => isNamed(name, message)) ? message : remedy;
  const found = names.filter((name) => isNamed(name, text));
  if (file === undefined || found.length === 0) return { message, remedy };
  return { message: `${message} (${found.join(", ")} from ${file})`, remedy };
}

/** One sentence that names the file and the variables that it sets; undefined without a file. */
export const formatOrigin = ({ file, names }: Origin): string | undefined =>
  file === undefined ? undefined : `${names.join(", ") || "no variable"} from ${file}`;

/** One line for the log: what is odd, and what to do about it. */
export const formatRemark = ({ message, remedy }: Remark): string => `${message} -> ${remedy}`;

const isNamed = (name: string, text: string): boolean => new RegExp(`\\b${name}\\b`).test(text);

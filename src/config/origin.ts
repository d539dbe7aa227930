import type { Fault } from "./faults.ts";

/** Something that the person who starts the server should know, but not a fault. */
export interface Remark extends Fault {
  /** `warning` when the configuration probably does something else than intended. */
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

/** Returns one sentence that names the file and the variables that it sets; undefined without a file. */
export const formatOrigin = ({ file, names }: Origin): string | undefined =>
  file === undefined ? undefined : `${names.join(", ") || "no variable"} from ${file}`;

/** Returns one line for the log: what looks wrong, and what to do about it. */
export const formatRemark = ({ message, remedy }: Remark): string => `${message} -> ${remedy}`;

const isNamed = (name: string, text: string): boolean => new RegExp(`\\b${name}\\b`).test(text);

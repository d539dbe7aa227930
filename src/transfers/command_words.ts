import { internalError } from "../errors.ts";

/**
 * A value of the transfers worker that becomes a word of a command for a person's own machine: printable
 * ASCII without a single quote, so that no shell reads more in it than the word. What it cannot be is
 * the work of a hijacked worker.
 *
 * @throws RemoteExecError `internal`
 */
export function plainWord(value: string): string {
  if (/^[\x20-\x26\x28-\x7e]+$/.test(value)) return value;
  throw internalError("a word for a command holds what no shell should see");
}

/** An address in printable ASCII, which cannot be taken for an option. It may hold single quotes. */
export function address(value: string): string {
  if (/^https?:\/\/[\x21-\x7e]+$/.test(value)) return value;
  throw internalError("an address for a command is none");
}

/** The same for a lower-case hex sha256. */
export function plainHash(value: string): string {
  if (/^[0-9a-f]{64}$/.test(value)) return value;
  throw internalError("a checksum for a command is none");
}

/** Text that is quoted for each shell: anything but control characters, which no quoting keeps. */
export function oneLine(value: string): string {
  // deno-lint-ignore no-control-regex -- they are what is looked for
  if (!/[\x00-\x1f\x7f]/.test(value)) return value;
  throw internalError("a field for a command holds control characters");
}

/** Stands in every command that is handed out for the path that its reader puts there. */
export const PATH_PLACEHOLDER = "<YOUR_FILE_PATH>";

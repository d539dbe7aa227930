import { internalError } from "../errors.ts";

/**
 * Returns the value if it can be one word of a command that a person runs: printable ASCII without a
 * single quote, so that a shell reads nothing else in it. Only a hijacked worker sends other values.
 *
 * @throws RemoteExecError `internal`
 */
export function plainWord(value: string): string {
  if (/^[\x20-\x26\x28-\x7e]+$/.test(value)) return value;
  throw internalError("a word for a command contains unsafe characters");
}

/** Returns a URL in printable ASCII, which no program takes for an option. It may contain single quotes. */
export function plainUrl(value: string): string {
  if (/^https?:\/\/[\x21-\x7e]+$/.test(value)) return value;
  throw internalError("a URL for a command is not a URL");
}

/** Returns the value if it is a SHA-256 in lower-case hex. */
export function plainHash(value: string): string {
  if (/^[0-9a-f]{64}$/.test(value)) return value;
  throw internalError("a checksum for a command is not a checksum");
}

/** Returns text that can be quoted for every shell: anything without control characters. */
export function oneLine(value: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  if (!/[\x00-\x1f\x7f]/.test(value)) return value;
  throw internalError("a field for a command contains control characters");
}

/** The part of each command that the reader replaces with a path. */
export const PATH_PLACEHOLDER = "<YOUR_FILE_PATH>";

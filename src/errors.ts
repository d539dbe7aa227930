/** Every value of `code` in the answer of a failed call. Clients branch on it, never on text. */
export const ERROR_CODES = [
  "already_exists",
  "authentication_failed",
  "binary_file",
  "busy",
  "cancelled",
  "changed",
  "check_failed",
  "configuration",
  "connection_lost",
  "disk_full",
  "expired",
  "host_key_changed",
  "host_key_unknown",
  "host_unusable",
  "internal",
  "invalid_argument",
  "invalid_state",
  "io_error",
  "is_directory",
  "limit_reached",
  "locked",
  "no_match",
  "not_a_file",
  "not_configured",
  "not_found",
  "not_permitted",
  "not_unique",
  "outside_directories",
  "private_key",
  "quota",
  "rate_limited",
  "refused_by_service",
  "sudo_refused",
  "timeout",
  "too_large",
  "unknown_tool",
  "unreachable",
  "unsupported",
  "verification_failed",
  "worker_died",
] as const;

export type ErrorCode = typeof ERROR_CODES[number];

interface MoreOptions extends ErrorOptions {
  /** The message has several lines, all of them without text from outside. */
  readonly hasLines?: boolean;
}

/**
 * The one error class. `message` says what could not be done, to what, and what was found;
 * `suggestion` is one imperative sentence. A model may see both, so neither contains a secret. Whatever
 * text from outside is in `message`, it is one line.
 */
export class RemoteExecError extends Error {
  override readonly name = "RemoteExecError";
  readonly code: ErrorCode;
  readonly suggestion: string;

  constructor(code: ErrorCode, message: string, suggestion: string, options: MoreOptions = {}) {
    super(options.hasLines ? message : escaped(message), options);
    this.code = code;
    this.suggestion = suggestion;
  }
}

/** What a caller sees of a defect: no detail of it. The stack goes to stderr only. */
export const internalError = (cause: unknown): RemoteExecError =>
  new RemoteExecError(
    "internal",
    "The server met an internal error",
    "Try again, then report it with the server's log (stderr, LOG_LEVEL=debug)",
    { cause },
  );

/** The call was cancelled by its caller. */
export const cancelled = (): RemoteExecError =>
  new RemoteExecError("cancelled", "The call was cancelled", "Call the tool again if it is needed");

/** A path with a `..` component, which is refused even if it would stay inside. */
export const traversal = () =>
  new RemoteExecError(
    "invalid_argument",
    "Path cannot contain '..' (path traversal not allowed)",
    "Write the path without '..' components",
  );

/** Longest text from outside in a message. */
const MAX_SHOWN = 500;

/**
 * Makes a text from outside (a name, an error message of a host or a library) safe inside a message: one
 * line, printable, at most 500 characters. Control characters and those that reorder text are escaped.
 */
export const printable = (text: string): string => cut(escaped(cut(text)));

function cut(text: string): string {
  if (text.length <= MAX_SHOWN) return text;
  // Not between the halves of one character.
  return `${text.slice(0, MAX_SHOWN - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** Like {@linkcode printable}, for a text of any length. */
export const escaped = (text: string): string => text.replace(UNPRINTABLE, escape);

/** Like {@linkcode printable}, for prose: lines are joined by spaces. */
export const oneLine = (text: string): string => printable(text.trim().replace(/\s+/g, " "));

const UNPRINTABLE =
  /[\p{Cc}\p{Cs}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;
const SHORT: ReadonlyMap<string, string> = new Map([["\n", "\\n"], ["\r", "\\r"], ["\t", "\\t"]]);

function escape(character: string): string {
  const code = character.charCodeAt(0).toString(16);
  return SHORT.get(character) ??
    (code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`);
}

/** Returns the text of anything thrown, for a `cause` or a log line. */
export const errorText = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

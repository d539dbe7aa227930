import { printable, RemoteExecError } from "./errors.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = typeof LOG_LEVELS[number];

/** Writes lines for people. They go to stderr, because stdout belongs to MCP. */
export type Logger = Readonly<Record<LogLevel, (message: string, cause?: unknown) => void>>;

/**
 * Returns a logger that skips what is below `level` and replaces every secret with `[redacted]`.
 *
 * @param secrets texts that must not appear; those under 4 characters are not searched for
 */
export function createLogger(
  level: LogLevel,
  secrets: readonly string[] = [],
  write: (line: string) => void = writeToStderr,
): Logger {
  const redact = redactor(secrets);
  const log = (at: LogLevel) => (message: string, cause?: unknown) => {
    if (LOG_LEVELS.indexOf(at) < LOG_LEVELS.indexOf(level)) return;
    const reason = cause === undefined ? "" : `: ${describe(cause, level, redact)}`;
    write(redact(`[${at}] ${message}${reason}\n`));
  };
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

/** A logger that gets its level and its secrets later; until then it logs at level `info`. */
export interface LateLogger extends Logger {
  configure(level: LogLevel, secrets: readonly string[]): void;
}

/** Returns a logger for a worker, which is configured after it has started. */
export function createLateLogger(write: (line: string) => void = writeToStderr): LateLogger {
  let logger = createLogger("info", [], write);
  const log = (at: LogLevel) => (message: string, cause?: unknown) => logger[at](message, cause);
  return {
    ...{ debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
    configure(level, secrets) {
      logger = createLogger(level, secrets, write);
    },
  };
}

/** Returns a function that replaces every secret in a text with `[redacted]`. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  // Longest first: otherwise a secret inside a longer one would leave the rest of it visible.
  const known = secrets.filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length);
  return (text) => known.reduce((rest, secret) => rest.replaceAll(secret, "[redacted]"), text);
}

/** @param redact is applied before a text is cut: a part of a secret would not be found */
function describe(cause: unknown, level: LogLevel, redact: (text: string) => string): string {
  if (cause instanceof RemoteExecError) return `${cause.code}: ${cause.message}`;
  if (!(cause instanceof Error)) return printable(redact(String(cause)));
  return level === "debug" ? cause.stack ?? cause.message : printable(redact(cause.message));
}

function writeToStderr(line: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(line));
  } catch {
    // A closed stderr must not end the server.
  }
}

import { RemoteExecError } from "./errors.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = typeof LOG_LEVELS[number];

/** Lines for people on stderr; stdout belongs to MCP. */
export type Logger = Readonly<Record<LogLevel, (message: string, cause?: unknown) => void>>;

/**
 * A logger that leaves out what stands below `level` and replaces every secret by `[redacted]`.
 *
 * @param secrets texts that must not appear; short ones (under 4 characters) are not looked for
 */
export function createLogger(
  level: LogLevel,
  secrets: readonly string[] = [],
  write: (line: string) => void = writeToStderr,
): Logger {
  const redact = redactor(secrets);
  const log = (at: LogLevel) => (message: string, cause?: unknown) => {
    if (LOG_LEVELS.indexOf(at) < LOG_LEVELS.indexOf(level)) return;
    write(
      redact(`[${at}] ${message}${cause === undefined ? "" : `: ${describe(cause, level)}`}\n`),
    );
  };
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

/** A logger that learns its level and its secrets later; until then it is one of level `info`. */
export interface LateLogger extends Logger {
  configure(level: LogLevel, secrets: readonly string[]): void;
}

/** A logger for a worker, which is configured after it has started. */
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

/** A function that replaces every given secret in a text by `[redacted]`. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  // Longest first, so that a secret that is part of another one does not leave its tail behind.
  const known = secrets.filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length);
  return (text) => known.reduce((rest, secret) => rest.replaceAll(secret, "[redacted]"), text);
}

function describe(cause: unknown, level: LogLevel): string {
  if (cause instanceof RemoteExecError) return `${cause.code}: ${cause.message}`;
  if (!(cause instanceof Error)) return String(cause);
  return level === "debug" ? cause.stack ?? cause.message : cause.message;
}

function writeToStderr(line: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(line));
  } catch {
    // A closed stderr must not end the server.
  }
}

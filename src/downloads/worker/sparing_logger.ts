import type { Clock } from "../../async/clock.ts";
import type { Logger } from "../../log.ts";

/** A message is logged at most once in this time. */
const MINUTE_MS = 60_000;
/** Max number of remembered messages. The oldest one is forgotten first. */
const MAX_MESSAGES = 100;

interface Logged {
  readonly atMs: number;
  /** How often the message was not logged since then. */
  skipped: number;
}

/**
 * Returns a logger that logs the same message, whatever its cause, once a minute with the count of the
 * lines in between: the holder of a link can cause lines without limit while its host is down.
 */
export function sparingLogger(logger: Logger, clock: Clock): Logger {
  const messages = new Map<string, Logged>();
  const log = (level: keyof Logger) => (message: string, cause?: unknown) => {
    const last = messages.get(message);
    if (last !== undefined && clock.elapsed() - last.atMs < MINUTE_MS) return void last.skipped++;
    messages.delete(message);
    const [oldest] = messages.keys();
    if (messages.size >= MAX_MESSAGES && oldest !== undefined) messages.delete(oldest);
    messages.set(message, { atMs: clock.elapsed(), skipped: 0 });
    const count = last?.skipped ?? 0;
    logger[level](count === 0 ? message : `${message} (and ${count} times before)`, cause);
  };
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

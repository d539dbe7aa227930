import { redactor } from "../log.ts";

/** One tool call in the audit log. */
export interface AuditEntry {
  readonly tool: string;
  readonly arguments: unknown;
  readonly outcome: "ok" | "error";
  readonly code?: string;
  readonly durationMs: number;
  /** Bytes that the call transferred, if any. */
  readonly bytes?: number;
  /** Exit code of the command that the call ran, if it ended by itself. */
  readonly exitCode?: number;
}

/** Records one line per call. */
export interface AuditLog {
  record(entry: AuditEntry): void;
  /** Records a line of another kind, such as the use of a download link. */
  event(fields: Readonly<Record<string, unknown>>): void;
}

/** The signature in a presigned URL: anyone who reads it can use the URL for hours. */
const SIGNATURE = /([?&](?:X-Amz-Signature|ik-s)=)[0-9a-f]+/gi;

/** An audit log that records nothing. */
export const noAudit: AuditLog = { record() {}, event() {} };

/** Returns an audit log of JSON lines. Secrets of the configuration are replaced in every text. */
export function createAuditLog(
  write: (line: string) => void,
  secrets: readonly string[],
  now: () => number = Date.now,
): AuditLog {
  const known = redactor(secrets);
  const redact = (text: string) => known(text).replace(SIGNATURE, "$1[redacted]");
  const put = (fields: object) => {
    const time = { time: new Date(now()).toISOString() };
    const entry = { ...time, ...fields, ...time };
    write(`${serialize(entry, (_, value) => withoutSecrets(value, redact))}\n`);
  };
  return {
    record: ({ durationMs, exitCode, ...entry }) =>
      put({
        ...entry,
        ...(exitCode === undefined ? {} : { exit_code: exitCode }),
        duration_ms: durationMs,
      }),
    event: put,
  };
}

/** Leaves the arguments out if they are nested too deeply for JSON. */
function serialize(
  entry: Readonly<Record<string, unknown>>,
  replace: (name: string, value: unknown) => unknown,
): string {
  try {
    return JSON.stringify(entry, replace);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const { arguments: _, ...rest } = entry;
    return JSON.stringify(rest, replace);
  }
}

/** Redacts names as well: an unknown argument is recorded under the name that the caller sent. */
function withoutSecrets(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === "string") return redact(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [redact(name), each]));
}

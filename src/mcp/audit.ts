import { redactor } from "../log.ts";

/** One tool call as the audit log keeps it. */
export interface AuditEntry {
  readonly tool: string;
  readonly arguments: unknown;
  readonly outcome: "ok" | "error";
  readonly code?: string;
  readonly durationMs: number;
  /** Bytes that were moved, when the call moved any. */
  readonly bytes?: number;
  /** Of the command that the call ran, when it ended by itself. */
  readonly exitCode?: number;
}

/** Takes one line a call. */
export interface AuditLog {
  record(entry: AuditEntry): void;
  /** A line of another kind, such as a download link's life. */
  event(fields: Readonly<Record<string, unknown>>): void;
}

/** The part of a presigned address that makes it a key: for hours whoever reads it could use it. */
const SIGNATURE = /([?&](?:X-Amz-Signature|ik-s)=)[0-9a-f]+/gi;

/** An audit log that keeps nothing. */
export const noAudit: AuditLog = { record() {}, event() {} };

/** Writes JSON lines; secrets of the configuration are replaced in every text. */
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
    write(`${JSON.stringify(entry, (_, value) => withoutSecrets(value, redact))}\n`);
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

/** Names are the caller's too: an argument that no tool knows is kept as it came. */
function withoutSecrets(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === "string") return redact(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [redact(name), each]));
}

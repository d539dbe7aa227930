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
}

/** Takes one line a call. */
export interface AuditLog {
  record(entry: AuditEntry): void;
  /** A line of another kind, such as a download link's life. */
  event(fields: Readonly<Record<string, unknown>>): void;
}

/** An audit log that keeps nothing. */
export const noAudit: AuditLog = { record() {}, event() {} };

/** Writes JSON lines; secrets of the configuration are replaced in every text. */
export function createAuditLog(
  write: (line: string) => void,
  secrets: readonly string[],
  now: () => number = Date.now,
): AuditLog {
  const redact = redactor(secrets);
  const put = (fields: object) => {
    const time = new Date(now()).toISOString();
    const line = JSON.stringify(
      { time, ...fields },
      (_, value) => typeof value === "string" ? redact(value) : value,
    );
    write(`${line}\n`);
  };
  return {
    record: ({ durationMs, ...entry }) => put({ ...entry, duration_ms: durationMs }),
    event: put,
  };
}

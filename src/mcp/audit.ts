import { redactor } from "../log.ts";
import { sha256Hex } from "./sha256.ts";

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

/** A longer text is cut. The longest command that a tool accepts stays whole. */
const MAX_TEXT = 10_000;
/** How much of a cut text is kept. */
const KEPT = 1_000;
/** With a longer line, the arguments are cut as one text, whatever the number of their members. */
const MAX_LINE = 65_536;

/**
 * Returns an audit log of JSON lines. Secrets of the configuration are replaced in every text. The length
 * of a line is bounded: what is cut leaves its beginning, its length and its SHA-256.
 */
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
    write(`${serialize(entry, redact)}\n`);
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

type Redact = (text: string) => string;

/** Leaves the arguments out if they are nested too deeply for JSON. */
function serialize(entry: Readonly<Record<string, unknown>>, redact: Redact): string {
  try {
    const line = JSON.stringify(entry, (_, value) => shortened(withoutSecrets(value, redact)));
    if (line.length <= MAX_LINE) return line;
    const all = JSON.stringify(entry.arguments, (_, value) => withoutSecrets(value, redact));
    return serialize({ ...entry, arguments: cut(all) }, redact);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const { arguments: _, ...rest } = entry;
    return serialize(rest, redact);
  }
}

const shortened = (value: unknown): unknown =>
  typeof value === "string" && value.length > MAX_TEXT ? cut(value) : value;

/** The hash is that of the complete text, with its secrets replaced, in UTF-8. */
function cut(text: string): string {
  // Not between the halves of one character.
  const start = text.slice(0, KEPT).replace(/[\ud800-\udbff]$/, "");
  return `${start}… (${text.length} characters, sha256 ${sha256Hex(text)})`;
}

/** Names of passwords, abbreviated too, for a call that is refused: `cipassword` is an option of `qm create`. */
const PASSWORDS = /^(?:ci)?pass/;

/** The password of a new guest is left out. Redacts names as well: an unknown argument is recorded under the name that the caller sent. */
function withoutSecrets(value: unknown, redact: Redact): unknown {
  if (typeof value === "string") return redact(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map((
      [name, each],
    ) => [redact(name), PASSWORDS.test(name) ? "[redacted]" : each]),
  );
}

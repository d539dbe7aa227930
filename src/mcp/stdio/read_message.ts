import type { LongLine } from "./line_splitter.ts";
import type { RequestId } from "./open_requests.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A request or a notification; without an id it is a notification. */
export interface ClientMessage {
  readonly id?: RequestId;
  readonly method: string;
  readonly params?: Record<string, unknown>;
}

/** The answer to text that is not a message. */
export interface Refusal {
  readonly jsonrpc: "2.0";
  readonly id: RequestId | null;
  readonly error: { readonly code: number; readonly message: string };
}

/** What a line of the client contains. */
export interface ReadLine {
  readonly messages: readonly ClientMessage[];
  readonly refusals: readonly Refusal[];
  /** What was unusual, without any text of the line. */
  readonly oddities: readonly string[];
}

const PARSE_ERROR = -32_700;
const INVALID_REQUEST = -32_600;

/**
 * Reads one line. Unusual messages whose meaning is clear are read as they are meant: `null` and an empty
 * list in place of parameters, unknown members, a missing `jsonrpc`, a batch, a byte order mark. Everything
 * else is refused with the request's id if there is one.
 *
 * A batch yields its messages one by one. Source: MCP 2025-03-26, Transports: responses may be batched,
 * they need not be.
 */
export function readMessages(line: Uint8Array): ReadLine {
  const reader = new MessageReader();
  reader.readLine(line);
  return reader;
}

/** Refuses a line that is longer than `maxBytes`, with the request's id if it is first or last in it. */
export function refuseLongLine({ head, tail }: LongLine, maxBytes: number): ReadLine {
  const reader = new MessageReader();
  const limit = `${maxBytes / 1_048_576} MiB`;
  reader.odd(`a message is longer than ${limit}`);
  reader.refuse(outerId(head, tail), INVALID_REQUEST, `the message is longer than ${limit}`);
  return reader;
}

/** What clients send as `jsonrpc` and mean 2.0. */
const VERSIONS: readonly unknown[] = ["2.0", "2", 2, null, undefined];

const ID = String.raw`"id"\s*:\s*(-?\d{1,15}|"(?:[^"\\]|\\.){0,256}")\s*`;
const FIRST = new RegExp(
  String.raw`^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?(?:"method"\s*:\s*"[^"\\]*"\s*,\s*)?${ID},`,
);
const LAST = new RegExp(String.raw`,\s*${ID}\}\s*$`);

function outerId(head: Uint8Array, tail: Uint8Array): unknown {
  const found = FIRST.exec(decode(head))?.[1] ?? LAST.exec(decode(tail))?.[1];
  return found === undefined ? undefined : JSON.parse(found);
}

class MessageReader implements ReadLine {
  readonly messages: ClientMessage[] = [];
  readonly refusals: Refusal[] = [];
  readonly oddities: string[] = [];

  readLine(line: Uint8Array): void {
    const strict = decodeStrictly(line);
    const text = strict ?? decode(line);
    if (text.trim() === "") return;
    if (line[0] === 0xef && line[1] === 0xbb) this.odd("a message begins with a byte order mark");
    const value = parse(text);
    if (value === undefined) {
      this.odd("a line is not JSON");
      this.refuse(undefined, PARSE_ERROR, "the line is not JSON");
    } else if (strict === undefined) {
      this.odd("a line is not UTF-8");
      this.refuse(isObject(value) ? value.id : undefined, PARSE_ERROR, "the line is not UTF-8");
    } else if (Array.isArray(value)) {
      this.odd("a batch of messages");
      if (value.length === 0) this.refuse(undefined, INVALID_REQUEST, "the batch is empty");
      for (const each of value) this.#readMessage(each);
    } else {
      this.#readMessage(value);
    }
  }

  odd(what: string): void {
    this.oddities.push(what);
  }

  refuse(id: unknown, code: number, why: string): void {
    const kind = code === PARSE_ERROR ? "Parse error" : "Invalid Request";
    const error = { code, message: `${kind}: ${why}` };
    this.refusals.push({ jsonrpc: "2.0", id: isRequestId(id) ? id : null, error });
  }

  #readMessage(value: unknown): void {
    const problem = this.#problem(value);
    if (problem !== undefined) {
      this.odd(`a message is refused: ${problem}`);
      this.refuse(isObject(value) ? value.id : undefined, INVALID_REQUEST, problem);
    } else if (isObject(value) && typeof value.method === "string") {
      const { jsonrpc, id, method, params, ...others } = value;
      if (jsonrpc !== "2.0") this.odd("a message without jsonrpc");
      if (Object.keys(others).length > 0) this.odd("a message with unknown members");
      this.messages.push({
        ...(isRequestId(id) ? { id } : {}),
        method,
        ...this.#params(method, params),
      });
    } else {
      this.odd("an answer, although this server asks nothing");
    }
  }

  /** Returns why a message cannot be read. */
  #problem(value: unknown): string | undefined {
    if (!isObject(value)) return "it must be an object";
    const { jsonrpc, id, method, params } = value;
    if (method === undefined && ("result" in value || "error" in value)) return undefined;
    if (typeof method !== "string" || method === "") return "method must be a text";
    if (!VERSIONS.includes(jsonrpc)) return 'jsonrpc must be "2.0"';
    const isNotification = id === undefined ||
      (id === null && method.startsWith("notifications/"));
    if (!isNotification && !isRequestId(id)) return "id must be a text or a number";
    if (params === undefined || params === null || isObject(params)) return undefined;
    return Array.isArray(params) && params.length === 0 ? undefined : "params must be an object";
  }

  #params(method: string, params: unknown): { readonly params?: Record<string, unknown> } {
    if (params === undefined) return {};
    if (!isObject(params)) {
      this.odd("a message whose params are null or a list");
      return {};
    }
    // The arguments of a tool are the tool's own matter.
    const cleaned = withoutNulls(params, method === "tools/call" ? 1 : 4);
    const { _meta, ...rest } = cleaned;
    if (Object.keys(rest).length < Object.keys(params).length - ("_meta" in params ? 1 : 0)) {
      this.odd("a message with null in its params");
    }
    return { params: { ...rest, ...this.#meta("_meta" in params ? params._meta : undefined) } };
  }

  #meta(meta: unknown): { readonly _meta?: Record<string, unknown> } {
    if (meta === undefined) return {};
    if (!isObject(meta)) {
      this.odd("a message whose _meta is not an object");
      return {};
    }
    const { progressToken, ...rest } = withoutNulls(meta, 1);
    const isToken = typeof progressToken === "string" || Number.isSafeInteger(progressToken);
    if ("progressToken" in meta && !isToken) {
      this.odd("a progressToken that is neither text nor number");
    }
    return { _meta: { ...rest, ...(isToken ? { progressToken } : {}) } };
  }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isRequestId = (id: unknown): id is RequestId =>
  typeof id === "string" || (typeof id === "number" && Number.isFinite(id));

/** Leaves out members that are null, down to a depth. */
function withoutNulls(value: Fields, depth: number): Record<string, unknown> {
  const kept = Object.entries(value).filter(([, each]) => each !== null);
  return Object.fromEntries(
    kept.map(([name, each]) => [
      name,
      depth > 1 && isObject(each) ? withoutNulls(each, depth - 1) : each,
    ]),
  );
}

/** Replaces what is not UTF-8, and removes a byte order mark. */
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function decodeStrictly(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

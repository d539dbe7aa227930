/**
 * The messages between isolates. The RPC (this folder, about 400 lines of code) is our own because
 * comlink, measured, adds 10 MB and 35–40 ms per worker at start, keeps calls to a dead worker
 * pending forever, does not carry AbortSignals, and streams at 700 MB/s instead of 3 GB/s.
 */
import { ERROR_CODES, internalError, RemoteExecError } from "../errors.ts";

/** One end of a connection: a worker, a worker's own global scope, or a MessagePort. */
export interface MessageEnd {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent<unknown>) => void): void;
  /** A MessagePort delivers no message before this call. */
  start?(): void;
}

/** Passes a transfer list only when it is not empty: with one, Deno loads its streams (100 kB of source). */
export function post(
  end: MessageEnd,
  message: unknown,
  transfer: readonly Transferable[] = [],
): void {
  if (transfer.length === 0) end.postMessage(message);
  else end.postMessage(message, [...transfer]);
}

/** A call of one function by name. */
export interface Request {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
  /** Indexes of the arguments that were functions. They can be called back until the answer is sent. */
  readonly callbacks: readonly number[];
  /** Indexes of the arguments that were signals. {@linkcode Abort} reports that they are aborted. */
  readonly signals: readonly number[];
}

/** The signals among the arguments of request `id` are aborted. */
export interface Abort {
  readonly id: number;
  readonly aborted: true;
}

/** The result of a request. */
export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: WireError };

/** A call of a function that was an argument of request `id`. */
export interface CallBack {
  readonly id: number;
  readonly callback: number;
  readonly value: unknown;
}

/** An error on the wire. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly suggestion: string;
}

/** Converts an error for the peer. A defect becomes `internal` without its text, which is reported here. */
export function toWire(thrown: unknown, report: (defect: unknown) => void): WireError {
  if (!(thrown instanceof RemoteExecError)) report(thrown);
  const known = thrown instanceof RemoteExecError ? thrown : internalError(thrown);
  return { code: known.code, message: known.message, suggestion: known.suggestion };
}

/** Returns the error that the peer sent. An unknown code becomes `internal`, an overlong text is cut. */
export function fromWire(given: unknown): RemoteExecError {
  const { code, message, suggestion } = fieldsOf(given);
  const known = ERROR_CODES.find((each) => each === code) ?? "internal";
  return new RemoteExecError(known, shortText(message), shortText(suggestion));
}

const MAX_TEXT = 100_000;

const shortText = (given: unknown): string =>
  typeof given === "string" ? given.slice(0, MAX_TEXT) : "(no text)";

/** Reports whether a value is a plain object, as every copied message is. */
export const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** Returns the fields of a message from an isolate that may be hijacked; none if it is not a plain object. */
export const fieldsOf = (message: unknown): Readonly<Record<string, unknown>> =>
  isPlain(message) ? message : {};

import { ERROR_CODES, internalError, RemoteExecError } from "../errors.ts";

/** Where messages go to and come from: a worker, a worker's own scope, or a MessagePort. */
export interface MessageEnd {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent<unknown>) => void): void;
  /** MessagePorts hold messages back until then. */
  start?(): void;
}

/** A call of one function by its name. */
export interface Request {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
  /** Which arguments were functions. They can be called back until the answer is sent. */
  readonly callbacks: readonly number[];
  /** Which arguments were signals. {@linkcode Abort} tells that they are aborted. */
  readonly signals: readonly number[];
}

/** All signals among the arguments of the request `id` are aborted. */
export interface Abort {
  readonly id: number;
  readonly aborted: true;
}

/** What became of a request. */
export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: WireError };

/** A call of a function that was an argument of the request `id`. */
export interface CallBack {
  readonly id: number;
  readonly callback: number;
  readonly value: unknown;
}

/** An error as it crosses the border between isolates. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly suggestion: string;
}

/** A defect crosses as `internal` without its text, which is reported on this side. */
export function toWire(thrown: unknown, report: (defect: unknown) => void): WireError {
  if (!(thrown instanceof RemoteExecError)) report(thrown);
  const known = thrown instanceof RemoteExecError ? thrown : internalError(thrown);
  return { code: known.code, message: known.message, suggestion: known.suggestion };
}

/** The error that the other side has sent, or whatever it has sent in the place of one. */
export function fromWire(given: unknown): RemoteExecError {
  const { code, message, suggestion } = fieldsOf(given);
  const known = ERROR_CODES.find((each) => each === code) ?? "internal";
  return new RemoteExecError(known, shortText(message), shortText(suggestion));
}

const LONGEST_TEXT = 100_000;

const shortText = (given: unknown): string =>
  typeof given === "string" ? given.slice(0, LONGEST_TEXT) : "(no text)";

/** An object with fields and nothing else, as a copied message is. */
export const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** The fields of a message that may come from a hijacked isolate; none when it is no plain object. */
export const fieldsOf = (message: unknown): Readonly<Record<string, unknown>> =>
  isPlain(message) ? message : {};

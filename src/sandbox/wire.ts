import * as comlink from "comlink";
import { ERROR_CODES, internalError, RemoteExecError } from "../errors.ts";

/** An error as it crosses the border between isolates. */
interface WireError {
  readonly code: string;
  readonly message: string;
  readonly suggestion: string;
}

let installed = false;

/**
 * Makes errors keep `code` and `suggestion` when they cross the border; comlink drops them.
 * Both sides call it before their first call. A defect crosses as `internal` without its text.
 */
export function installErrorTransfer(report: (defect: unknown) => void): void {
  if (installed) return;
  installed = true;
  const original = comlink.transferHandlers.get("throw");
  if (original === undefined) throw internalError("comlink has no handler for thrown values");
  comlink.transferHandlers.set("throw", {
    canHandle: (value): value is unknown => original.canHandle(value),
    serialize: (thrown) => [toWire(thrown, report), []],
    deserialize(wire) {
      throw fromWire(wire);
    },
  });
}

function toWire(thrown: unknown, report: (defect: unknown) => void): WireError {
  // comlink hands over { value, <mark> }; the value is what was thrown.
  const error = (thrown as { value: unknown }).value;
  if (!(error instanceof RemoteExecError)) report(error);
  const known = error instanceof RemoteExecError ? error : internalError(error);
  return { code: known.code, message: known.message, suggestion: known.suggestion };
}

function fromWire(wire: unknown): RemoteExecError {
  const { code, message, suggestion } = wire as WireError; // made by toWire on the other side
  const known = ERROR_CODES.find((each) => each === code) ?? "internal";
  return new RemoteExecError(known, message, suggestion);
}

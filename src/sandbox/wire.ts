import * as comlink from "comlink";
import { callsOnly } from "./calls_only.ts";
import { ERROR_CODES, internalError, RemoteExecError } from "../errors.ts";

/** An error as it crosses the border between isolates. */
interface WireError {
  readonly code: string;
  readonly message: string;
  readonly suggestion: string;
}

let installed = false;

/**
 * Makes errors keep `code` and `suggestion` when they cross the border; comlink drops them. A function
 * that is handed over (`comlink.proxy`) can then be called by the other side, and nothing else.
 * Both sides call it before their first call. A defect crosses as `internal` without its text.
 */
export function installErrorTransfer(report: (defect: unknown) => void): void {
  if (installed) return;
  installed = true;
  const original = comlink.transferHandlers.get("throw");
  const proxies = comlink.transferHandlers.get("proxy");
  if (!original || !proxies) {
    throw internalError("comlink has no handler for what crosses the border");
  }
  comlink.transferHandlers.set("throw", {
    canHandle: (value): value is unknown => original.canHandle(value),
    serialize: (thrown) => [toWire(thrown, report), []],
    deserialize(wire) {
      throw fromWire(wire);
    },
  });
  comlink.transferHandlers.set("proxy", { ...proxies, serialize: exposeFunction });
}

function exposeFunction(value: unknown): [MessagePort, Transferable[]] {
  const { port1, port2 } = new MessageChannel();
  comlink.expose(value, callsOnly(port1));
  return [port2, [port2]];
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

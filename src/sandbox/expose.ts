import * as comlink from "comlink";
import type { Logger } from "../log.ts";
import { callsOnly } from "./calls_only.ts";
import { installErrorTransfer } from "./wire.ts";

/**
 * Answers calls from the other isolate with the functions of `port`, and with nothing else:
 * every property of an exposed object can be read from the other side, so only own functions are,
 * and they can only be called.
 */
export function expose(
  port: object,
  logger: Logger,
  endpoint = globalThis as unknown as comlink.Endpoint, // a worker's own scope is one
): void {
  installErrorTransfer((defect) => logger.error("defect in a worker", defect));
  const functions = Object.entries(port).filter(([, value]) => typeof value === "function");
  const bare: unknown = Object.assign(Object.create(null), Object.fromEntries(functions));
  comlink.expose(bare, callsOnly(endpoint, new Set(functions.map(([name]) => name))));
}

/**
 * Keeps the worker alive when a promise is rejected or a library throws in a callback:
 * the call it belongs to fails by its deadline, all others go on.
 */
export function surviveDefects(logger: Logger): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    logger.error("unhandled rejection in a worker", event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    logger.error("unhandled error in a worker", event.error ?? event.message);
  });
}

/// <reference lib="deno.worker" />
/**
 * The worker that starts the workers of the hosts: main cannot do it once its permissions are gone. It has
 * the permissions of all hosts together, and therefore nothing else: no library, no connection, no parser.
 * It knows hosts by number only, and listens to main only: a host's worker that sends it a message is not heard.
 */
import { type Permissions, toDenoPermissions } from "./deno_permissions.ts";

/** One row per host, from the first message; no later message can change them. */
let rows: readonly Permissions[] | undefined;
const running = new Map<number, Worker>();

globalThis.addEventListener("message", ({ data }) => {
  if (rows === undefined) rows = data;
  else if (typeof data?.start === "number") start(data.start, data.row, data.port);
  else if (typeof data?.end === "number") end(data.end);
});

/** @param run identifies this worker in later messages */
function start(run: number, row: unknown, port: unknown): void {
  const permissions = typeof row === "number" ? rows?.[row] : undefined;
  if (permissions === undefined || !(port instanceof MessagePort) || running.has(run)) return;
  // The URL must be a literal: `release/modules.ts` replaces it.
  const worker = new Worker(new URL("../ssh/worker/main.ts", import.meta.url), {
    type: "module",
    name: `host ${row}`,
    deno: { permissions: toDenoPermissions(permissions) },
  });
  running.set(run, worker);
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    running.delete(run);
    globalThis.postMessage({ died: run, message: event.message });
  });
  worker.postMessage(port, [port]);
}

function end(run: number): void {
  running.get(run)?.terminate();
  running.delete(run);
}

globalThis.postMessage({ loaded: true });

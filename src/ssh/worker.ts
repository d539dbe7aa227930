/// <reference lib="deno.worker" />
import "./finished_ciphers.ts";
import { cancelled, internalError } from "../errors.ts";
import { createLogger } from "../log.ts";
import { expose, surviveDefects } from "../sandbox/expose.ts";
import type { CallId, SshPort } from "./port.ts";
import type { HostSession } from "./session.ts";

let logger = createLogger("info");
let session: Promise<HostSession> | undefined;
const running = new Map<CallId, AbortController>();

const port: SshPort = {
  configure(settings) {
    logger = createLogger(settings.logLevel, settings.secrets);
    // The SSH library loads while the server answers its first questions already.
    session = import("./session.ts").then((module) => new module.HostSession(settings, logger));
    session.catch((error) => logger.error("the ssh module could not be loaded", error));
    return Promise.resolve();
  },
  exec: (id, request, progress) => call(id, (host, signal) => host.exec(request, signal, progress)),
  copy: (id, request, progress) => call(id, (host, signal) => host.copy(request, signal, progress)),
  stat: (id, endpoint) => call(id, (host, signal) => host.stat(endpoint, signal)),
  cancel(id) {
    running.get(id)?.abort(cancelled());
    return Promise.resolve();
  },
  async serveFiles(end, rights) {
    const host = await configured();
    const { createFilesServer } = await import("./files_server.ts");
    expose(createFilesServer(host, rights), logger, end);
  },
  diagnose: async () => await (await configured()).diagnose(),
  async close(limitMs) {
    for (const controller of running.values()) controller.abort(cancelled());
    await (await session)?.close(limitMs);
  },
};

async function call<T>(
  id: CallId,
  run: (host: HostSession, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    return await run(await configured(), controller.signal);
  } finally {
    running.delete(id);
  }
}

function configured(): Promise<HostSession> {
  if (session === undefined) throw internalError("the worker was called before it was configured");
  return session;
}

surviveDefects(logger);
expose(port, logger);

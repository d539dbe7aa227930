/// <reference lib="deno.worker" />
import "./finished_ciphers.ts";
import { cancelled, internalError } from "../errors.ts";
import { createLogger } from "../log.ts";
import { expose, surviveDefects } from "../sandbox/expose.ts";
import { createFilesServer } from "./files_server.ts";
import type { CallId, SshPort } from "./port.ts";
import { HostSession } from "./session.ts";

let logger = createLogger("info");
let session: HostSession | undefined;
const running = new Map<CallId, AbortController>();

const port: SshPort = {
  configure(settings) {
    logger = createLogger(settings.logLevel, settings.secrets);
    session = new HostSession(settings, logger);
    return Promise.resolve();
  },
  exec: (id, request, progress) => call(id, (host, signal) => host.exec(request, signal, progress)),
  copy: (id, request, progress) => call(id, (host, signal) => host.copy(request, signal, progress)),
  stat: (id, endpoint) => call(id, (host, signal) => host.stat(endpoint, signal)),
  cancel(id) {
    running.get(id)?.abort(cancelled());
    return Promise.resolve();
  },
  serveFiles(end) {
    expose(createFilesServer(configured()), logger, end);
    return Promise.resolve();
  },
  diagnose: () => configured().diagnose(),
  async close(limitMs) {
    for (const controller of running.values()) controller.abort(cancelled());
    await session?.close(limitMs);
  },
};

async function call<T>(
  id: CallId,
  run: (host: HostSession, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    return await run(configured(), controller.signal);
  } finally {
    running.delete(id);
  }
}

function configured(): HostSession {
  if (session === undefined) throw internalError("the worker was called before it was configured");
  return session;
}

surviveDefects(logger);
expose(port, logger);

/// <reference lib="deno.worker" />
import * as comlink from "comlink";
import { systemClock } from "../clock.ts";
import { cancelled, internalError } from "../errors.ts";
import { createLogger } from "../log.ts";
import { expose, surviveDefects } from "../sandbox/expose.ts";
import type { FilesPort } from "../ssh/files_port.ts";
import { LinkHub } from "./hub.ts";
import type { CallId, DownloadsPort } from "./port.ts";

let logger = createLogger("info");
let hub: LinkHub | undefined;
const running = new Map<CallId, AbortController>();

const port: DownloadsPort = {
  async configure(settings, filesPort, onEvent) {
    logger = createLogger(settings.logLevel, settings.secrets);
    const files = filesPort && comlink.wrap<FilesPort>(filesPort);
    hub = new LinkHub({ settings, files, clock: systemClock, logger, onEvent });
    if (settings.downloads.apiKey !== undefined) await hub.start();
  },
  async createLink(id, request, progress) {
    const controller = new AbortController();
    running.set(id, controller);
    try {
      return await configured().create(request, controller.signal, progress);
    } finally {
      running.delete(id);
    }
  },
  report: () => Promise.resolve(configured().store.report()),
  revoke(tokenId) {
    configured().store.revoke(tokenId);
    return Promise.resolve();
  },
  cancel(id) {
    running.get(id)?.abort(cancelled());
    return Promise.resolve();
  },
  async close() {
    for (const controller of running.values()) controller.abort(cancelled());
    await hub?.close();
  },
};

function configured(): LinkHub {
  if (hub === undefined) throw internalError("the worker was called before it was configured");
  return hub;
}

surviveDefects(logger);
expose(port, logger);

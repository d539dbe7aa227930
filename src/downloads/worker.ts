/// <reference lib="deno.worker" />
import { systemClock } from "../clock.ts";
import { cancelled, internalError } from "../errors.ts";
import { createLogger } from "../log.ts";
import { expose, surviveDefects } from "../sandbox/expose.ts";
import { remote } from "../sandbox/remote.ts";
import type { FilesPort } from "../ssh/files_port.ts";
import type { LinkHub } from "./hub.ts";
import type { CallId, DownloadsPort, LinkEvent, LinkEvents } from "./port.ts";

let logger = createLogger("info");
let makeHub: (() => Promise<LinkHub>) | undefined;
let hub: Promise<LinkHub> | undefined;
const running = new Map<CallId, AbortController>();

const port: DownloadsPort = {
  async configure(settings, filesPort, events) {
    logger = createLogger(settings.logLevel, settings.secrets);
    const files = filesPort && remote<FilesPort>(filesPort).port;
    const { port: { record } } = remote<LinkEvents>(events);
    const onEvent = (event: LinkEvent) =>
      void record(event).catch((error) => logger.error("an event of a link is lost", error));
    // What serves links is loaded with the first one: most servers never need it, and it is large.
    makeHub = async () => {
      const { LinkHub } = await import("./hub.ts");
      return new LinkHub({ settings, files, clock: systemClock, logger, onEvent });
    };
    if (settings.downloads.apiKey !== undefined) await (await configured()).start();
  },
  async createLink(id, request, progress) {
    const controller = new AbortController();
    running.set(id, controller);
    try {
      return await (await configured()).create(request, controller.signal, progress);
    } finally {
      running.delete(id);
    }
  },
  report: async () => (await configured()).store.report(),
  async revoke(tokenId) {
    (await configured()).store.revoke(tokenId);
  },
  cancel(id) {
    running.get(id)?.abort(cancelled());
    return Promise.resolve();
  },
  async close() {
    for (const controller of running.values()) controller.abort(cancelled());
    await (await hub)?.close();
  },
};

function configured(): Promise<LinkHub> {
  if (makeHub === undefined) throw internalError("the worker was called before it was configured");
  return hub ??= makeHub();
}

surviveDefects(logger);
expose(port, logger);

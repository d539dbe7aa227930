/// <reference lib="deno.worker" />
import { systemClock } from "../../async/clock.ts";
import { loadedOnce } from "../../async/loaded_once.ts";
import { internalError } from "../../errors.ts";
import { createLateLogger } from "../../log.ts";
import { expose, surviveDefects } from "../../rpc/expose.ts";
import { remote } from "../../rpc/remote.ts";
import { FilesOfHosts, type HostFilesPort } from "../../ssh/files_of_hosts.ts";
import type { FilesPort } from "../../ssh/files_port.ts";
import type { LinkHub } from "./link_hub.ts";
import type { DownloadsPort, LinkEvent, LinkEvents } from "../port.ts";

const logger = createLateLogger();
let load: (() => Promise<LinkHub>) | undefined;
/** True as soon as loading the HTTP server has begun. */
let isLoaded = false;
/** Events that the audit log has not confirmed yet. */
const unconfirmed = new Set<Promise<void>>();

const hosts = new FilesOfHosts((defect) => logger.error("defect in a stream", defect));

const port: DownloadsPort & HostFilesPort = {
  connectHost: (host, files) => hosts.connectHost(host, files),
  configure(settings, filesPort, events) {
    logger.configure(settings.logLevel, settings.secrets);
    const files = settings.severalHosts === true
      ? hosts
      : filesPort && remote<FilesPort>(filesPort).port;
    const { port: { record } } = remote<LinkEvents>(events);
    const onEvent = (event: LinkEvent) => {
      const recording = record(event)
        .catch((error) => logger.error("an event of a link is lost", error))
        .finally(() => unconfirmed.delete(recording));
      unconfirmed.add(recording);
    };
    // The HTTP server is loaded with the first link: it is large, and most sessions never need it.
    load = loadedOnce(async () => {
      isLoaded = true;
      (await import("../../sandbox/confine.ts")).confine();
      const { LinkHub } = await import("./link_hub.ts");
      return new LinkHub({ settings, files, clock: systemClock, logger, onEvent });
    });
    // Not awaited: the server would answer its first message about 300 ms later.
    if (settings.downloads.apiKey !== undefined) {
      configured().then((hub) => hub.start())
        .catch((error) => logger.error("the download links are not served yet", error));
    }
    return Promise.resolve();
  },
  createLink: async (request, signal, progress) =>
    await (await configured()).create(request, signal, progress),
  async report() {
    const { store } = await configured();
    await store.settled();
    return store.report();
  },
  async revoke(tokenId) {
    (await configured()).store.revoke(tokenId);
  },
  async close() {
    calls.cancelAll();
    if (isLoaded) await (await configured()).close();
    await Promise.all(unconfirmed);
  },
};

function configured(): Promise<LinkHub> {
  if (load === undefined) throw internalError("the worker was called before it was configured");
  return load();
}

surviveDefects(logger);
const calls = expose(port, logger);

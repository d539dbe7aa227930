/// <reference lib="deno.worker" />
import { systemClock } from "../../async/clock.ts";
import { createLateLogger } from "../../log.ts";
import { expose, surviveDefects } from "../../rpc/expose.ts";
import { remote } from "../../rpc/remote.ts";
import { confine } from "../../sandbox/confine.ts";
import { FilesOfHosts, type HostFilesPort } from "../../ssh/files_of_hosts.ts";
import type { FilesPort } from "../../ssh/files_port.ts";
import type { TransfersPort } from "../port.ts";
import { createBridges, createTransfersPort } from "./transfers_port.ts";
import { Transfers } from "./transfers.ts";

const logger = createLateLogger();

const report = (defect: unknown) => logger.error("defect in a stream", defect);
const hosts = new FilesOfHosts(report);

const transfers = createTransfersPort(
  (settings, end) => {
    confine();
    logger.configure(settings.logLevel, settings.secrets);
    const files = end === undefined ? hosts : remote<FilesPort>(end, report).port;
    const bridges = createBridges(settings, { fetch, clock: systemClock, logger });
    return new Transfers({ bridges, files, clock: systemClock, logger });
  },
  systemClock,
  () => calls.cancelAll(),
);

const port: TransfersPort & HostFilesPort = {
  ...transfers,
  connectHost: (host, files) => hosts.connectHost(host, files),
};

surviveDefects(logger);
const calls = expose(port, logger);

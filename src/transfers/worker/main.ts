/// <reference lib="deno.worker" />
import { systemClock } from "../../async/clock.ts";
import { createLateLogger } from "../../log.ts";
import { expose, surviveDefects } from "../../rpc/expose.ts";
import { remote } from "../../rpc/remote.ts";
import type { FilesPort } from "../../ssh/files_port.ts";
import { createBridges, createTransfersPort } from "./transfers_port.ts";
import { Transfers } from "./transfers.ts";

const logger = createLateLogger();

const port = createTransfersPort(
  (settings, end) => {
    logger.configure(settings.logLevel, settings.secrets);
    const { port: files } = remote<FilesPort>(
      end,
      (defect) => logger.error("defect in a stream", defect),
    );
    const bridges = createBridges(settings, { fetch, clock: systemClock, logger });
    return new Transfers({ bridges, files, clock: systemClock, logger });
  },
  systemClock,
  () => calls.cancelAll(),
);

surviveDefects(logger);
const calls = expose(port, logger);

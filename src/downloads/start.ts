import type { Config } from "../config/config.ts";
import { secretsIn } from "../config/secrets.ts";
import type { ContainerAccess } from "../container_access.ts";
import type { Logger } from "../log.ts";
import type { DownloadsPort, LinkEvent, LinkEvents } from "./port.ts";
import { expose } from "../sandbox/expose.ts";
import { DownloadsService } from "./service.ts";

/**
 * Configures the downloads worker and gives the service for its tools. A listener that cannot be
 * opened at once (the HTTP API is on) is logged; each link tries again.
 *
 * @param files one end of a channel whose other end answers as FilesPort; it is handed on
 * @param containers undefined when the Proxmox module is off
 */
export function startDownloads(
  port: DownloadsPort,
  config: Pick<Config, "downloads" | "files" | "logLevel" | "secrets">,
  parts: {
    readonly files: MessagePort;
    readonly containers: ContainerAccess | undefined;
    readonly onEvent: (event: LinkEvent) => void;
    readonly logger: Logger;
  },
): DownloadsService {
  const { downloads, files, logLevel } = config;
  const secrets = secretsIn(downloads, config.secrets);
  const { workingDirectory } = files;
  const settings = { downloads, files, logLevel, secrets };
  port.configure(settings, parts.files, eventsPort(parts.onEvent, parts.logger))
    .catch((error) => parts.logger.error("the download links are not served yet", error));
  return new DownloadsService(port, { downloads, workingDirectory }, parts.containers);
}

function eventsPort(onEvent: (event: LinkEvent) => void, logger: Logger): MessagePort {
  const { port1, port2 } = new MessageChannel();
  const events: LinkEvents = { record: (event) => Promise.resolve(onEvent(event)) };
  expose(events, logger, port1);
  return port2;
}

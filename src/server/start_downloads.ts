import type { Config } from "../config/config.ts";
import { secretsIn } from "../config/secrets.ts";
import type { ContainerAccess } from "../proxmox/container_access.ts";
import type { Logger } from "../log.ts";
import type { DownloadsPort, LinkEvent, LinkEvents } from "../downloads/port.ts";
import { expose } from "../rpc/expose.ts";
import { DownloadsService } from "../downloads/service.ts";

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
  const events: LinkEvents = { record: (event) => Promise.resolve(onEvent(ofLink(event))) };
  expose(events, logger, port1);
  return port2;
}

/** Fields of a tool's call; the worker that faces visitors must not be able to write such a line. */
const OF_CALLS = ["time", "tool", "arguments", "outcome", "duration_ms", "event"];
const LONGEST_TEXT = 4_096;
const MOST_FIELDS = 16;

function ofLink(event: LinkEvent): LinkEvent {
  const fields = Object.entries(event)
    .filter(([name, value]) => !OF_CALLS.includes(name) && name.length < 64 && isShort(value))
    .slice(0, MOST_FIELDS);
  return { event: "download_link", ...Object.fromEntries(fields) };
}

const isShort = (value: unknown): boolean =>
  typeof value === "string"
    ? value.length <= LONGEST_TEXT
    : typeof value === "number" || typeof value === "boolean";

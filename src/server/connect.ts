import type { Config, OfferConfig } from "../config/config.ts";
import { offers, usedServices } from "../config/offer.ts";
import { secretsIn } from "../config/secrets.ts";
import type { DownloadsPort, LinkEvent, LinkEvents } from "../downloads/port.ts";
import { boundsOf } from "../local/paths.ts";
import type { Logger } from "../log.ts";
import { expose } from "../rpc/expose.ts";
import type { HostMemory } from "../ssh/host_memory.ts";
import type { FilesGrant, SshPort } from "../ssh/port.ts";
import type { TransfersPort } from "../transfers/port.ts";

/**
 * Configures the ssh worker. It loads its library later, so this does not wait for a connection.
 *
 * @param memory of an earlier worker of the host
 */
export async function connectSsh(
  ssh: Pick<SshPort, "configure">,
  config: Config,
  memory?: HostMemory,
): Promise<void> {
  const { limits, files, logLevel, jobs: { maxOutputBytes, keepMs } } = config;
  const secrets = secretsIn(config.ssh, config.secrets);
  const jobs = { maxOutputBytes, keepMs, sweeps: !config.offer.readOnly };
  const settings = { ssh: config.ssh, limits, files, jobs, logLevel, secrets };
  await ssh.configure({ ...settings, ...(memory === undefined ? {} : { memory }) });
}

/**
 * Configures the transfers worker and joins it to the ssh worker: bytes pass between the two directly.
 *
 * @param ssh undefined with several hosts, whose workers are joined when they start
 */
export async function connectTransfers(
  transfers: Pick<TransfersPort, "configure">,
  ssh: Pick<SshPort, "serveFiles"> | undefined,
  config: Pick<Config, "imageKit" | "r2" | "logLevel" | "secrets" | "proxmox" | "offer">,
): Promise<void> {
  const { logLevel, offer } = config;
  const { imageKit, r2 } = usedServices(config);
  const secrets = secretsIn({ imageKit, r2 }, config.secrets);
  const settings = { imageKit, r2, sweeps: !offer.readOnly, logLevel, secrets };
  if (ssh === undefined) return await transfers.configure(settings, undefined);
  const { port1, port2 } = new MessageChannel();
  await Promise.all([
    ssh.serveFiles(port1, await transferGrant(config)),
    transfers.configure(settings, port2),
  ]);
}

/** Returns what the transfers worker may do with files of the ssh worker. */
export const transferGrant = async (
  { offer, proxmox }: Pick<Config, "proxmox" | "offer">,
): Promise<FilesGrant> => ({
  kinds: transferKinds(offer),
  write: offers(offer, "delivers"),
  shellPrefix: await containerPrefix({ proxmox }),
});

/** ImageKit's clients are on another machine: they have no use for files of this one. */
function transferKinds(offer: OfferConfig): FilesGrant["kinds"] {
  const isLocal = offers(offer, "local source", ["exchange"]) ||
    offers(offer, "local target", ["exchange"]);
  const isRemote = offers(offer, "host", ["exchange", "imagekit"]);
  return [...(isLocal ? ["local" as const] : []), ...(isRemote ? ["host", "shell"] as const : [])];
}

/**
 * Configures the downloads worker and joins it to the ssh worker, whose files it may only read.
 *
 * @param ssh undefined with several hosts, whose workers are joined when they start
 * @param onEvent gets one event for each change of a link, reduced to what a link may report
 */
export async function connectDownloads(
  downloads: Pick<DownloadsPort, "configure">,
  ssh: Pick<SshPort, "serveFiles"> | undefined,
  config: Pick<Config, "downloads" | "files" | "logLevel" | "secrets" | "proxmox" | "offer">,
  { onEvent, logger }: { onEvent: (event: LinkEvent) => void; logger: Logger },
): Promise<void> {
  const { files, logLevel, offer } = config;
  // Without generate_download_link, there are no links: not over the HTTP API either.
  const isServing = offers(offer, "serves");
  const links = isServing
    ? config.downloads
    : { ...config.downloads, apiKey: undefined, tls: undefined };
  const settings = {
    downloads: links,
    files: boundsOf(files.workingDirectory, files),
    ...(ssh === undefined ? { severalHosts: true } : {}),
    logLevel,
    secrets: secretsIn(links, config.secrets),
  };
  const events = eventsPort(onEvent, logger);
  if (ssh === undefined) return await downloads.configure(settings, undefined, events);
  const { port1, port2 } = new MessageChannel();
  await Promise.all([
    downloads.configure(settings, isServing ? port2 : undefined, events),
    isServing && offerFiles(ssh, port1, config)
      .catch((error) => logger.error("remote files cannot be linked", error)),
  ]);
}

/** Without local files: the downloads worker reads those with its own permission. */
async function offerFiles(
  ssh: Pick<SshPort, "serveFiles">,
  end: MessagePort,
  config: Pick<Config, "proxmox">,
): Promise<void> {
  await ssh.serveFiles(end, await linkGrant(config));
}

/** Returns what the downloads worker may do with files of the ssh worker. */
export const linkGrant = async (config: Pick<Config, "proxmox">): Promise<FilesGrant> => ({
  kinds: ["host", "shell"],
  write: false,
  shellPrefix: await containerPrefix(config),
});

/** The one command that other workers may put before a file's path; `<number>` stands for the container. */
async function containerPrefix({ proxmox }: Pick<Config, "proxmox">): Promise<string | undefined> {
  if (!proxmox) return undefined;
  const { hostLine } = await import("../proxmox/host.ts");
  return hostLine(["pct", "exec", "<number>", "--"]);
}

function eventsPort(onEvent: (event: LinkEvent) => void, logger: Logger): MessagePort {
  const { port1, port2 } = new MessageChannel();
  const events: LinkEvents = { record: (event) => Promise.resolve(onEvent(linkEvent(event))) };
  expose(events, logger, port1);
  return port2;
}

/** Fields of a tool call's line: the worker that faces visitors must not be able to forge one. */
const CALL_FIELDS = ["time", "tool", "arguments", "outcome", "duration_ms", "event"];
const MAX_TEXT = 4_096;
const MAX_FIELDS = 16;

function linkEvent(event: LinkEvent): LinkEvent {
  const fields = Object.entries(event)
    .filter(([name, value]) => !CALL_FIELDS.includes(name) && name.length < 64 && isShort(value))
    .slice(0, MAX_FIELDS);
  return { event: "download_link", ...Object.fromEntries(fields) };
}

const isShort = (value: unknown): boolean =>
  typeof value === "string"
    ? value.length <= MAX_TEXT
    : typeof value === "number" || typeof value === "boolean";

import type { Clock } from "../../async/clock.ts";
import { traversal } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { DownloadsConfig } from "../../config/config.ts";
import type { FilesPort } from "../../ssh/files_port.ts";
import { Deliveries } from "./http/deliveries.ts";
import { badCertificate, cannotListen, portTaken, remoteNotConnected } from "../errors.ts";
import { HTTP_LIMITS, type HttpLimits } from "./http/http_limits.ts";
import { listen, type Listening } from "./http/http_server.ts";
import { LinkStore } from "./link_store.ts";
import { linkListener } from "./http/link_listener.ts";
import { localSource } from "./sources/local_source.ts";
import type { DownloadsSettings, LinkEvent, LinkProgress, LinkRequest, NewLink } from "../port.ts";
import { sparingLogger } from "./sparing_logger.ts";
import { remoteSource } from "./sources/remote_source.ts";
import type { Source } from "./sources/source.ts";

/** What a hub works with. */
export interface HubParts {
  readonly settings: DownloadsSettings;
  /** Undefined if files of the host cannot be linked. */
  readonly files: FilesPort | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onEvent: (event: LinkEvent) => void;
  readonly limits?: HttpLimits;
}

/** Makes links and serves them. It starts to listen with the first link. */
export class LinkHub {
  readonly store: LinkStore;
  readonly #parts: HubParts;
  #listening: Promise<Listening> | undefined;
  /** Known once the server listens. */
  #url = new URL("http://localhost");
  #port = 0;

  constructor(parts: HubParts) {
    this.#parts = { ...parts, logger: sparingLogger(parts.logger, parts.clock) };
    const { clock, settings, onEvent, limits = HTTP_LIMITS } = parts;
    this.store = new LinkStore(clock, settings.downloads.bindAddress, onEvent, limits.settleMs);
  }

  /** The port that the server listens on; 0 before it does. */
  get port(): number {
    return this.#port;
  }

  /** Starts to listen. @throws RemoteExecError `configuration` when the address cannot be used */
  async start(): Promise<void> {
    this.#listening ??= this.#listen();
    try {
      await this.#listening;
    } catch (error) {
      this.#listening = undefined;
      throw error;
    }
  }

  /**
   * Makes a link.
   *
   * @throws RemoteExecError when the file may not be linked, or the server cannot listen
   */
  async create(
    request: LinkRequest,
    signal: AbortSignal,
    progress?: (step: LinkProgress) => void,
  ): Promise<NewLink> {
    this.store.checkRoom();
    await this.start();
    const source = await this.#source(request, signal, progress);
    signal.throwIfAborted();
    const { token, link } = this.store.create(source, request.expiryMs);
    return {
      token,
      url: `${this.#url.href.replace(/\/+$/, "")}/api/download/${token}`,
      tokenId: link.id,
      expiresAtMs: link.expiresAtMs,
      fileType: source.kind,
      fileName: source.name,
      size: source.size,
      sha256: source.sha256,
      leftOut: source.leftOut,
      missing: missingSettings(this.#parts.settings.downloads),
    };
  }

  async close(): Promise<void> {
    await this.store.settled();
    this.store.close();
    await (await this.#listening?.catch(() => undefined))?.close();
  }

  async #source(
    { from }: LinkRequest,
    signal: AbortSignal,
    progress: ((step: LinkProgress) => void) | undefined,
  ): Promise<Source> {
    const { settings, files, clock } = this.#parts;
    const { maxBytes } = settings.downloads;
    if (from.kind === "local") {
      const { files: bounds } = settings;
      return await localSource({ bounds, path: from.path, maxBytes, signal, progress });
    }
    if (files === undefined) throw remoteNotConnected();
    if (from.path.split("/").includes("..")) throw traversal();
    return await remoteSource({ files, from, maxBytes, signal, clock, progress });
  }

  async #listen(): Promise<Listening> {
    const { settings, clock, logger, limits = HTTP_LIMITS } = this.#parts;
    const { host, port, portIsFixed, tls, baseUrl } = settings.downloads;
    const handler = this.#handler();
    const options = { host, tls: tls && await readTls(tls), limits };
    const open = (wanted: number) => listen({ ...options, port: wanted }, handler, clock, logger);
    const listening = await open(port).catch((error) => {
      const isTaken = error instanceof Deno.errors.AddrInUse || error.code === "EADDRINUSE";
      if (isTaken && !portIsFixed) return open(0);
      if (error instanceof Deno.errors.InvalidData) throw badCertificate(error);
      throw isTaken ? portTaken(host, port) : cannotListen(host, port, error);
    });
    this.#port = listening.port;
    const scheme = tls === undefined ? "http" : "https";
    this.#url = new URL(baseUrl ?? `${scheme}://${reachable(host)}:${listening.port}`);
    logger.info(`download links are served on ${scheme}://${host}:${listening.port}`);
    return listening;
  }

  #handler() {
    const { settings, clock, logger } = this.#parts;
    const { apiKey: key, sessionId, maxBytes, sender } = settings.downloads;
    return linkListener({
      sender,
      store: this.store,
      deliveries: new Deliveries(this.store, logger),
      clock,
      logger,
      publicUrl: () => this.#url,
      api: key === undefined ? undefined : {
        key,
        sessionId,
        maxBytes,
        create: (request, signal) => this.create(request, signal),
      },
    });
  }
}

async function readTls({ certPath, keyPath }: { certPath: string; keyPath: string }) {
  try {
    return { cert: await Deno.readTextFile(certPath), key: await Deno.readTextFile(keyPath) };
  } catch (error) {
    throw badCertificate(error);
  }
}

/** Returns what has to be set for links that work on other machines. */
function missingSettings({ host, baseUrl }: DownloadsConfig): NewLink["missing"] {
  if (baseUrl !== undefined) return isThisMachine(new URL(baseUrl).hostname) ? ["BASE_URL"] : [];
  if (host === "0.0.0.0" || host === "::") return ["BASE_URL"];
  return isThisMachine(host) ? ["DOWNLOAD_HOST", "BASE_URL"] : [];
}

const isThisMachine = (hostname: string): boolean =>
  /^(127\..*|localhost|.*\.localhost|\[?::1\]?|0\.0\.0\.0|\[::\])$/.test(hostname);

/** Returns the host name under which a browser on this machine reaches the server. */
function reachable(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

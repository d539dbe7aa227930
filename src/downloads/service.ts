import * as comlink from "comlink";
import type { DownloadsConfig } from "../config/config.ts";
import type { ToolContext } from "../mcp/tool.ts";
import { Calls } from "../sandbox/calls.ts";
import type { Endpoint } from "../ssh/port.ts";
import { containersNotConfigured } from "./errors.ts";
import type { DownloadsPort, LinkProgress, LinkReport, NewLink } from "./port.ts";

/** The end that a path inside a container is. */
export type ContainerEndpoint = (ctid: number, path: string) => Endpoint;

/** A link that somebody wants. */
export interface LinkCall extends ToolContext {
  readonly path: string;
  readonly source: "local" | "host";
  /** Names a container, whose path it then is. */
  readonly ctid: number | undefined;
  readonly expiryMs: number;
}

/** What the tools say of the session besides the links. */
export interface DownloadsSession {
  readonly downloads: DownloadsConfig;
  readonly workingDirectory: string;
}

/** The rules of download links on the tools' side; the links themselves live in the worker. */
export class DownloadsService {
  readonly session: DownloadsSession;
  readonly #port: DownloadsPort;
  readonly #container: ContainerEndpoint | undefined;
  readonly #calls: Calls;

  /** @param container undefined when the Proxmox module is off */
  constructor(
    port: DownloadsPort,
    session: DownloadsSession,
    container: ContainerEndpoint | undefined,
  ) {
    this.session = session;
    this.#port = port;
    this.#container = container;
    this.#calls = new Calls((id) => port.cancel(id));
  }

  /** Are links into containers to be had? */
  get hasContainers(): boolean {
    return this.#container !== undefined;
  }

  /** @throws RemoteExecError when the path may not be linked */
  async createLink(
    { path, source, ctid, expiryMs, signal, progress }: LinkCall,
  ): Promise<NewLink> {
    const request = { from: this.#endpoint(path, source, ctid), expiryMs };
    const report = progress &&
      comlink.proxy(({ bytes, total }: LinkProgress) =>
        progress({ progress: bytes, total, message: `${bytes} of ${total} bytes checked` })
      );
    return await this.#calls.run(
      signal,
      undefined,
      (id) => this.#port.createLink(id, request, report),
    );
  }

  async report(): Promise<LinkReport> {
    return await this.#port.report();
  }

  /** @throws RemoteExecError `not_found` */
  async revoke(tokenId: string): Promise<void> {
    await this.#port.revoke(tokenId);
  }

  #endpoint(path: string, source: "local" | "host", ctid: number | undefined): Endpoint {
    if (ctid === undefined) return { kind: source, path };
    if (this.#container === undefined) throw containersNotConfigured();
    return this.#container(ctid, path);
  }
}

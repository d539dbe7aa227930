import type { DownloadsConfig } from "../config/config.ts";
import { type ContainerAccess, explained } from "../proxmox/container_access.ts";
import type { Progress, ToolContext } from "../mcp/tool.ts";
import { mapProgress } from "../mcp/progress.ts";
import { inTime } from "../rpc/in_time.ts";
import type { Endpoint } from "../ssh/port.ts";
import { containersNotConfigured } from "./errors.ts";
import type { DownloadsPort, LinkProgress, LinkReport, NewLink } from "./port.ts";

/** A request of a tool for a new link. */
export interface LinkCall extends ToolContext {
  readonly path: string;
  readonly source: "local" | "host";
  /** The container that the path is in; `source` is then ignored. */
  readonly ctid: number | undefined;
  readonly expiryMs: number;
}

/** What the tools report about the session besides the links. */
export interface DownloadsSession {
  readonly downloads: DownloadsConfig;
  readonly workingDirectory: string;
}

/** The rules for tools that make, list and revoke links. The links themselves are in the worker. */
export class DownloadsService {
  readonly session: DownloadsSession;
  readonly #port: DownloadsPort;
  readonly #containers: ContainerAccess | undefined;

  /** @param containers undefined if the Proxmox module is off */
  constructor(
    port: DownloadsPort,
    session: DownloadsSession,
    containers: ContainerAccess | undefined,
  ) {
    this.session = session;
    this.#port = port;
    this.#containers = containers;
  }

  /** Whether links to files in containers can be made. */
  get hasContainers(): boolean {
    return this.#containers !== undefined;
  }

  /**
   * Makes a link.
   *
   * @throws RemoteExecError `not_found`, `outside_directories`, `too_large`, `limit_reached`, …
   */
  async createLink(
    { path, source, ctid, expiryMs, signal, progress }: LinkCall,
  ): Promise<NewLink> {
    const request = { from: this.#endpoint(path, source, ctid), expiryMs };
    const report = mapProgress(progress, formatProgress);
    const making = inTime(signal, undefined, this.#port.createLink(request, signal, report));
    return await making.catch(async (error) => {
      throw await explained(this.#containers, ctid, error, signal);
    });
  }

  async report(): Promise<LinkReport> {
    return await this.#port.report();
  }

  /** Ends a link and its running downloads. @throws RemoteExecError `not_found` */
  async revoke(tokenId: string): Promise<void> {
    await this.#port.revoke(tokenId);
  }

  #endpoint(path: string, source: "local" | "host", ctid: number | undefined): Endpoint {
    if (ctid === undefined) return { kind: source, path };
    if (this.#containers === undefined) throw containersNotConfigured();
    return this.#containers.endpoint(ctid, path);
  }
}

const WORK: Record<LinkProgress["unit"], string> = {
  bytes: "bytes checked",
  entries: "entries seen",
  seconds: "seconds of work on the host",
};

function formatProgress({ done, total, unit }: LinkProgress): Progress {
  const work = WORK[unit];
  return total === undefined
    ? { progress: done, message: `${done} ${work}` }
    : { progress: done, total, message: `${done} of ${total} ${work}` };
}

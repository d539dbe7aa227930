import type { Config, NamedHost } from "../config/config.ts";
import type { DownloadsPort } from "../downloads/port.ts";
import type { HostFilesPort } from "../ssh/files_of_hosts.ts";
import type { TransfersPort } from "../transfers/port.ts";
import { linkGrant, transferGrant } from "./connect.ts";
import type { FilesUser } from "./host_worker.ts";
import type { HostWorkers } from "./host_workers.ts";
import type { Ports } from "./tools.ts";

/** The workers that all hosts share. */
export interface SharedPorts {
  readonly downloads: (DownloadsPort & HostFilesPort) | undefined;
  readonly transfers: (TransfersPort & HostFilesPort) | undefined;
}

/** Returns the ports for one of several hosts: an endpoint in a call of theirs is on that host. */
export function portsOfHosts(
  config: Config,
  workers: HostWorkers,
  { downloads, transfers }: SharedPorts,
): (host: number) => Ports {
  /** The host of each link, by the public id of the link. */
  const made = new Map<string, number>();
  const linkUser = downloads && {
    port: downloads,
    grant: ({ proxmox }: NamedHost) => linkGrant({ proxmox }),
    isUsing: async (host: number) => {
      const open = (await downloads.report()).openLinks.map(({ tokenId }) => tokenId);
      for (const token of made.keys()) if (!open.includes(token)) made.delete(token);
      return [...made.values()].includes(host);
    },
  };
  const transferUser = transfers && {
    port: transfers,
    grant: ({ proxmox }: NamedHost) => transferGrant({ ...config, proxmox }),
    // The call of a transfer lasts as long as the transfer.
    isUsing: () => Promise.resolve(false),
  };
  return (host) => ({
    ssh: workers.port(host),
    downloads: linkUser && linksOf(host, workers, linkUser, made),
    transfers: transferUser && transfersOf(host, workers, transferUser),
  });
}

function linksOf(
  host: number,
  workers: HostWorkers,
  user: FilesUser & { readonly port: DownloadsPort },
  made: Map<string, number>,
): DownloadsPort {
  const { port } = user;
  return withFunctions(port, {
    async createLink(request, signal, progress) {
      if (request.from.kind === "local") return await port.createLink(request, signal, progress);
      const own = { ...request, from: { ...request.from, host } };
      return await workers.withFiles(host, user, async () => {
        const link = await port.createLink(own, signal, progress);
        made.set(link.tokenId, host);
        return link;
      });
    },
  });
}

function transfersOf(
  host: number,
  workers: HostWorkers,
  user: FilesUser & { readonly port: TransfersPort },
): TransfersPort {
  const { port } = user;
  return withFunctions(port, {
    async store(request, signal, progress) {
      const own = { ...request, from: { ...request.from, host } };
      return await workers.withFiles(host, user, () => port.store(own, signal, progress));
    },
    async deliver(request, signal, progress) {
      const own = { ...request, to: { ...request.to, host } };
      return await workers.withFiles(host, user, () => port.deliver(own, signal, progress));
    },
  });
}

/** Returns the port with some functions replaced; a port of another isolate has no properties to copy. */
function withFunctions<Port extends object>(port: Port, functions: Partial<Port>): Port {
  return new Proxy(port, {
    get: (target, name) =>
      Reflect.get(
        typeof name === "string" && Object.hasOwn(functions, name) ? functions : target,
        name,
      ),
  });
}

import type { Config, NamedHost } from "../config/config.ts";
import type { DownloadsPort } from "../downloads/port.ts";
import type { HostFilesPort } from "../ssh/files_of_hosts.ts";
import type { TransfersPort } from "../transfers/port.ts";
import { linkGrant, transferGrant } from "./connect.ts";
import type { FilesUser, HostWorkers } from "./host_workers.ts";
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
  const linkUser = downloads && {
    port: downloads,
    grant: ({ proxmox }: NamedHost) => linkGrant({ proxmox }),
  };
  const transferUser = transfers && {
    port: transfers,
    grant: ({ proxmox }: NamedHost) => transferGrant({ ...config, proxmox }),
  };
  return (host) => ({
    ssh: workers.port(host),
    downloads: linkUser && linksOf(host, workers, linkUser),
    transfers: transferUser && transfersOf(host, workers, transferUser),
  });
}

function linksOf(
  host: number,
  workers: HostWorkers,
  user: FilesUser & { readonly port: DownloadsPort },
): DownloadsPort {
  const { port } = user;
  return withFunctions(port, {
    async createLink(request, signal, progress) {
      if (request.from.kind !== "local") await workers.connectFiles(host, user);
      return await port.createLink(
        { ...request, from: { ...request.from, host } },
        signal,
        progress,
      );
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
      await workers.connectFiles(host, user);
      return await port.store({ ...request, from: { ...request.from, host } }, signal, progress);
    },
    async deliver(request, signal, progress) {
      await workers.connectFiles(host, user);
      return await port.deliver({ ...request, to: { ...request.to, host } }, signal, progress);
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

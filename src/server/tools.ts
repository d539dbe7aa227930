import { type Config, type Limits, needsSudo } from "../config/config.ts";
import type { DownloadsPort } from "../downloads/port.ts";
import { DownloadsService } from "../downloads/service.ts";
import { downloadTools } from "../downloads/tools.ts";
import type { Tool } from "../mcp/tool.ts";
import { LongCalls } from "../mcp/long_calls.ts";
import { JobsService } from "../ssh/jobs/service.ts";
import { jobTools } from "../ssh/jobs/tools.ts";
import type { BetweenHosts } from "../ssh/hosts/port.ts";
import type { HostName } from "../ssh/outcome.ts";
import type { SshPort } from "../ssh/port.ts";
import { type ReadingOn, SshService } from "../ssh/service.ts";
import { DirectoryService } from "../ssh/directories/service.ts";
import { directoryTools } from "../ssh/directories/tools.ts";
import type { TextPort } from "../ssh/text/port.ts";
import { TextService } from "../ssh/text/service.ts";
import { textTools } from "../ssh/text/tools.ts";
import { sshTools } from "../ssh/tools.ts";
import type { TransfersPort } from "../transfers/port.ts";
import { transferTools } from "../transfers/tools.ts";

/** What the workers promise, by worker. */
export interface Ports {
  readonly ssh: SshPort & TextPort;
  /** Only with a tool for links. */
  readonly downloads: DownloadsPort | undefined;
  /** Only with a tool that uses a storage service. */
  readonly transfers: TransfersPort | undefined;
  /** Only with several hosts: the ports for one of them. */
  readonly ofHost?: (host: number) => Ports;
  /** Only with several hosts. */
  readonly betweenHosts?: BetweenHosts;
}

/**
 * Returns the tools that the configuration offers, on services that call the given ports. Modules that the
 * configuration does not need are not loaded. Creating the tools calls no port.
 */
export async function createTools(config: Config, ports: Ports): Promise<Tool[]> {
  const { readOnly, tools } = config.offer;
  // The effect is looked at as well, so that one mistake in the table offers nothing that changes.
  return (await toolsOfAll(config, ports)).filter(({ name, effect }) =>
    tools.includes(name) && (!readOnly || effect === "reads")
  );
}

async function toolsOfAll(config: Config, ports: Ports): Promise<Tool[]> {
  const calls = new LongCalls(readingOnOf(config).answerWithinMs);
  const { hosts, ssh } = config;
  const { ofHost } = ports;
  if (hosts === undefined || ofHost === undefined) {
    return await toolsOfHost(config, ports, { host: ssh.alias ?? ssh.host, port: ssh.port }, calls);
  }
  const { toolsOfHosts, copyToolOf } = await import("./host_tools.ts");
  const tools = await toolsOfHosts(
    config,
    hosts,
    (own, number, name) => toolsOfHost(own, ofHost(number), { host: name }, calls),
    (number) => new SshService(ofHost(number).ssh, config.limits),
  );
  const { betweenHosts } = ports;
  return betweenHosts === undefined
    ? tools
    : [...tools, copyToolOf(config, hosts, betweenHosts, calls)];
}

/**
 * Returns the tools of all modules that are on and whose worker runs.
 *
 * @param name what answers and descriptions call the host
 */
async function toolsOfHost(
  config: Config,
  ports: Ports,
  name: Pick<HostName, "host" | "port">,
  calls: LongCalls,
): Promise<Tool[]> {
  const { limits, downloads } = config;
  const host = { ...name, user: config.ssh.username };
  const readingOn = readingOnOf(config);
  const ssh = new SshService(ports.ssh, limits, readingOn, { needsSudo: needsSudo(config.ssh) });
  const jobs = new JobsService(ports.ssh, calls);
  // With ImageKit on, its tools move the files: the client is on another machine.
  const files = config.imageKit === undefined;
  const proxmox = config.proxmox ? await loadProxmox(ssh, limits, jobs) : undefined;
  const containers = proxmox?.service.containerAccess;
  const { workingDirectory } = config.files;
  const session = { downloads, workingDirectory };
  const sudo = config.ssh.sudo !== undefined;
  return [
    ...sshTools(ssh, limits, host, { files, sudo }),
    ...textTools(
      new TextService(ports.ssh, limits, proxmox?.service.textContainers, { files, sudo }),
      host,
    ),
    ...jobTools(jobs, limits, proxmox?.service.containerJob, sudo),
    ...(files
      ? directoryTools(new DirectoryService(ports.ssh, config.directories, containers, sudo))
      : []),
    ...(proxmox?.proxmoxTools(proxmox.service, limits, host, { files }) ?? []),
    ...(ports.transfers
      ? await transferTools(config, {
        port: ports.transfers,
        ssh,
        containers,
        calls,
      })
      : []),
    ...(ports.downloads
      ? downloadTools(new DownloadsService(ports.downloads, session, containers))
      : []),
  ];
}

/** A job_id or an output_id is of use only with the tool that reads it. */
function readingOnOf({ offer, jobs }: Config): ReadingOn {
  const keepsOutput = offer.tools.includes("ssh_job_output");
  return { keepsOutput, answerWithinMs: keepsOutput ? jobs.answerWithinMs : 0 };
}

async function loadProxmox(ssh: SshService, limits: Limits, jobs: JobsService) {
  const [{ ProxmoxService }, { proxmoxTools }] = await Promise.all([
    import("../proxmox/service.ts"),
    import("../proxmox/tools.ts"),
  ]);
  return {
    service: new ProxmoxService(ssh, limits, { jobs }),
    proxmoxTools,
  };
}

import type { Config } from "../config/config.ts";
import type { ContainerAccess } from "../proxmox/container_access.ts";
import { startDownloads } from "./start_downloads.ts";
import { downloadTools } from "../downloads/tools.ts";
import type { Logger } from "../log.ts";
import type { AuditLog } from "../mcp/audit.ts";
import type { Tool } from "../mcp/tool.ts";
import { SshService } from "../ssh/service.ts";
import { sshTools } from "../ssh/tools.ts";
import { containerPrefix, type Workers } from "./start_workers.ts";
import type { TransfersPort } from "../transfers/port.ts";

/**
 * Wires the services to their workers and to each other, and gives every tool of the configuration.
 * Modules that it does not need are not even loaded.
 */
export async function assembleTools(
  config: Config,
  workers: Workers,
  audit: AuditLog,
  logger: Logger,
): Promise<Tool[]> {
  const { limits } = config;
  const host = { host: config.ssh.host, port: config.ssh.port, user: config.ssh.username };
  const ssh = new SshService(workers.ssh.port, limits);
  // With ImageKit on, its tools are the way for files: the client sits on another machine.
  const files = config.imageKit === undefined;
  const proxmox = config.proxmox ? await import("../proxmox/tools.ts") : undefined;
  const containers = proxmox?.containerAccess(ssh);
  return [
    ...sshTools(ssh, limits, host, { files }),
    ...(proxmox?.proxmoxTools(ssh, limits, host, { files }) ?? []),
    ...(workers.transfers
      ? await bridgeTools(config, ssh, workers.transfers.port, containers)
      : []),
    ...linkTools(config, workers, containers, await containerPrefix(config), audit, logger),
  ];
}

async function bridgeTools(
  config: Config,
  ssh: SshService,
  port: TransfersPort,
  containers: ContainerAccess | undefined,
): Promise<Tool[]> {
  const { imageKit, r2 } = config;
  const tools: Tool[] = [];
  if (imageKit !== undefined) {
    const { imageKitTools, ImageKitService } = await import("../transfers/imagekit/tools.ts");
    const parts = { port, ssh, config: imageKit, host: config.ssh.host, containers };
    tools.push(...imageKitTools(new ImageKitService(parts)));
  }
  if (r2 !== undefined) {
    const { exchangeTools, ExchangeService } = await import("../transfers/exchange/tools.ts");
    tools.push(...exchangeTools(new ExchangeService({ port, config: r2, containers })));
  }
  return tools;
}

function linkTools(
  config: Config,
  workers: Workers,
  containers: ContainerAccess | undefined,
  shellPrefix: string | undefined,
  audit: AuditLog,
  logger: Logger,
): Tool[] {
  const { port1, port2 } = new MessageChannel();
  // Links to local files are served by the downloads worker's own right to read.
  const rights = { kinds: ["host", "shell"] as const, write: false, shellPrefix };
  workers.ssh.port.serveFiles(port1, rights)
    .catch((error) => logger.error("remote files cannot be linked", error));
  const service = startDownloads(workers.downloads.port, config, {
    files: port2,
    containers,
    onEvent: (event) => audit.event(event),
    logger,
  });
  return downloadTools(service);
}

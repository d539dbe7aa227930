import * as comlink from "comlink";
import type { Config } from "./config/config.ts";
import { startDownloads } from "./downloads/start.ts";
import { downloadTools } from "./downloads/tools.ts";
import type { Logger } from "./log.ts";
import type { AuditLog } from "./mcp/audit.ts";
import type { Tool } from "./mcp/tool.ts";
import { containerEndpoint } from "./proxmox/files.ts";
import { containerFiles, proxmoxTools } from "./proxmox/tools.ts";
import { Calls } from "./sandbox/calls.ts";
import { SshService } from "./ssh/service.ts";
import { sshExecTool, sshFileTools } from "./ssh/tools.ts";
import type { Workers } from "./start_workers.ts";
import { ExchangeService } from "./transfers/exchange_service.ts";
import { exchangeTools } from "./transfers/exchange_tools.ts";
import { ImageKitService } from "./transfers/imagekit_service.ts";
import { imageKitTools } from "./transfers/imagekit_tools.ts";
import type { TransfersPort } from "./transfers/port.ts";

/** Wires the services to their workers and to each other, and gives every tool of the configuration. */
export function assembleTools(
  config: Config,
  workers: Workers,
  audit: AuditLog,
  logger: Logger,
): Tool[] {
  const { limits, imageKit } = config;
  const host = { host: config.ssh.host, port: config.ssh.port, user: config.ssh.username };
  const ssh = new SshService(workers.ssh.port, limits);
  // With ImageKit on, its tools are the way for files: the client sits on another machine.
  const files = imageKit === undefined;
  return [
    sshExecTool(ssh, limits, host),
    ...(files ? sshFileTools(ssh, host) : []),
    ...(config.proxmox ? proxmoxTools(ssh, limits, host, { files }) : []),
    ...(workers.transfers ? bridgeTools(config, ssh, workers.transfers.port) : []),
    ...linkTools(config, workers, audit, logger),
  ];
}

function bridgeTools(config: Config, ssh: SshService, port: TransfersPort): Tool[] {
  const { imageKit, r2, proxmox } = config;
  const containers = containerFiles(ssh);
  const inContainer = (ctid: number, path: string) =>
    proxmox ? containerEndpoint(ctid, path) : undefined;
  const places = {
    containerEndpoint: inContainer,
    containerProblem: (ctid: number, error: unknown, signal: AbortSignal) =>
      containers.containerProblem(ctid, error, signal),
  };
  const calls = new Calls((id) => port.cancel(id));
  return [
    ...(imageKit
      ? imageKitTools(
        new ImageKitService({ port, calls, ssh, config: imageKit, host: config.ssh.host, places }),
      )
      : []),
    ...(r2
      ? exchangeTools(new ExchangeService({ port, config: r2, containerEnd: inContainer }))
      : []),
  ];
}

function linkTools(config: Config, workers: Workers, audit: AuditLog, logger: Logger): Tool[] {
  const { port1, port2 } = new MessageChannel();
  workers.ssh.port.serveFiles(comlink.transfer(port1, [port1]))
    .catch((error) => logger.error("remote files cannot be linked", error));
  const service = startDownloads(workers.downloads.port, config, {
    files: port2,
    container: config.proxmox ? containerEndpoint : undefined,
    onEvent: (event) => audit.event(event),
    logger,
  });
  return downloadTools(service);
}

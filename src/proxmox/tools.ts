import { type Clock, systemClock } from "../async/clock.ts";
import type { Limits } from "../config/config.ts";
import type { ContainerAccess } from "./container_access.ts";
import type { Tool } from "../mcp/tool.ts";
import type { HostName } from "../ssh/outcome.ts";
import type { SshService } from "../ssh/service.ts";
import { backupTools } from "./backup_tools.ts";
import { Backups } from "./backups.ts";
import { ContainerExec } from "./container_exec.ts";
import { containerTools } from "./container_tools.ts";
import { Containers } from "./containers.ts";
import { execTools } from "./exec_tools.ts";
import { fileTools } from "./file_tools.ts";
import { containerEndpoint, ContainerFiles } from "./files.ts";
import { ProxmoxHost } from "./host.ts";
import { Lifecycle } from "./lifecycle.ts";
import { MachineExec } from "./machine_exec.ts";
import { machineTools } from "./machine_tools.ts";
import { Machines } from "./machines.ts";
import { resourceTools } from "./resource_tools.ts";
import { Resources } from "./resources.ts";
import { snapshotTools } from "./snapshot_tools.ts";
import { ContainerSnapshots } from "./snapshots.ts";

/** What may differ between the configurations that have these tools. */
export interface ProxmoxOptions {
  /** False where another module moves files into containers: the two file tools are left out. */
  readonly files: boolean;
  readonly clock?: Clock;
}

/** All tools for Proxmox VE, over the given SSH host. */
export function proxmoxTools(
  ssh: SshService,
  limits: Limits,
  hostName: HostName,
  { files, clock = systemClock }: ProxmoxOptions,
): Tool[] {
  const host = new ProxmoxHost(ssh);
  const lifecycle = new Lifecycle(host, clock);
  const { characterLimit } = limits;
  return [
    ...execTools(
      new ContainerExec(ssh, host, characterLimit),
      new MachineExec(host, clock, characterLimit),
      limits,
      hostName,
    ),
    ...containerTools(new Containers(host, lifecycle)),
    ...(files ? fileTools(new ContainerFiles(ssh, lifecycle)) : []),
    ...snapshotTools(new ContainerSnapshots(host, lifecycle)),
    ...machineTools(new Machines(host, lifecycle)),
    ...backupTools(new Backups(host)),
    ...resourceTools(new Resources(host)),
  ];
}

/** What other modules need that move files into containers. */
export function containerAccess(ssh: SshService, clock: Clock = systemClock): ContainerAccess {
  const files = new ContainerFiles(ssh, new Lifecycle(new ProxmoxHost(ssh), clock));
  return {
    endpoint: containerEndpoint,
    problem: (ctid, error, signal) => files.containerProblem(ctid, error, signal),
  };
}

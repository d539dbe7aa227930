import type { Limits } from "../config/config.ts";
import type { Tool } from "../mcp/tool.ts";
import type { HostName } from "../ssh/outcome.ts";
import { backupTools } from "./cluster/backup_tools.ts";
import { templateTools } from "./cluster/template_tools.ts";
import { migrationTool } from "./cluster/migration_tools.ts";
import { networkTool } from "./cluster/network_tools.ts";
import { nodeHealthTool } from "./cluster/node_health_tools.ts";
import { taskTools } from "./cluster/task_tools.ts";
import { usageTool } from "./cluster/usage_tools.ts";
import { execTool } from "./guests/exec_tools.ts";
import { fileTools } from "./guests/file_tools.ts";
import { diskTools } from "./guests/disk_tools.ts";
import { settingsTool } from "./guests/settings_tools.ts";
import { snapshotTools } from "./guests/snapshot_tools.ts";
import { guestTools } from "./guests/tools.ts";
import { copyTools } from "./life/copy_tools.ts";
import { destroyTools } from "./life/destroy_tools.ts";
import { createTools } from "./life/create_tools.ts";
import type { ProxmoxService } from "./service.ts";
import { stateTools } from "./states/tools.ts";

/**
 * Returns the tools for Proxmox VE.
 *
 * @param files whether the two tools that copy files into and out of containers are included
 */
export const proxmoxTools = (
  proxmox: ProxmoxService,
  limits: Limits,
  hostName: HostName,
  { files }: { readonly files: boolean },
): Tool[] => [
  execTool("container", proxmox.exec.container, limits, hostName, proxmox.answerWithinMs),
  execTool("vm", proxmox.exec.vm, limits, hostName, proxmox.answerWithinMs),
  ...guestTools(proxmox.guests, "container"),
  ...stateTools(proxmox.states, "container"),
  settingsTool(proxmox.settings, "container"),
  ...diskTools(proxmox.disks, "container"),
  migrationTool(proxmox.migration, "container"),
  ...(files ? fileTools(proxmox.files, limits) : []),
  ...snapshotTools(proxmox.snapshots, "container"),
  ...guestTools(proxmox.guests, "vm"),
  ...stateTools(proxmox.states, "vm"),
  settingsTool(proxmox.settings, "vm"),
  ...diskTools(proxmox.disks, "vm"),
  migrationTool(proxmox.migration, "vm"),
  ...snapshotTools(proxmox.snapshots, "vm"),
  ...backupTools(proxmox.backups),
  usageTool(proxmox.usage),
  ...templateTools(proxmox.templates),
  nodeHealthTool(proxmox.health),
  networkTool(proxmox.networks),
  ...taskTools(proxmox.tasks, limits.characterLimit),
  ...createTools(proxmox.creation),
  ...copyTools(proxmox.cloning, proxmox.restoring),
  ...destroyTools(proxmox.destruction),
];

import type { Tool as McpTool } from "@modelcontextprotocol/server";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import type { ConfigurationName } from "./catalogs.ts";

/** What tools cost, in tokens of o200k. */
export interface Cost {
  /** What a client passes on to a model: name, description and arguments. */
  readonly model: number;
  /** The complete tools as `tools/list` returns them. */
  readonly wire: number;
}

/** Counts the tokens of tools. */
export const costOf = (tools: readonly McpTool[]): Cost => ({
  model: tools.map(({ name, description, inputSchema }) =>
    countTokens(JSON.stringify({ name, description, input_schema: inputSchema }))
  ).reduce((sum, tokens) => sum + tokens, 0),
  wire: countTokens(JSON.stringify(tools)),
});

/** The most that {@linkcode isFirst the first tools} may cost, by configuration. */
export const MAX_COST: Readonly<Partial<Record<ConfigurationName, Cost>>> = {
  core: { model: 900, wire: 1_900 },
  proxmox_and_r2: { model: 4_300, wire: 8_500 },
  everything: { model: 4_300, wire: 8_500 },
};

/** The most that each of the other tools may cost. */
export const MAX_LATER_COST: Cost = { model: 120, wire: 220 };

/** Each of the two replaces a dozen tools that set one option each, and a guest needs its options at once. */
const LARGE = /^proxmox_create_(?:container|vm)$/;
const MAX_LARGE_COST: Cost = { model: 360, wire: 440 };

/** The most that a tool may cost that is not one of the first. */
export const maxCostOf = ({ name }: Pick<McpTool, "name">): Cost =>
  LARGE.test(name) ? MAX_LARGE_COST : MAX_LATER_COST;

/** Reports whether a tool is one of the first, which share one budget; each later tool has its own. */
export const isFirst = ({ name }: Pick<McpTool, "name">): boolean =>
  FIRST.split(/\s+/).includes(name);

const FIRST = `
  ssh_exec_command ssh_upload_file ssh_download_file
  generate_download_link list_download_stats revoke_download_link
  proxmox_container_exec_command proxmox_vm_exec_command
  proxmox_list_containers proxmox_container_status proxmox_container_config
  proxmox_start_container proxmox_stop_container proxmox_shutdown_container proxmox_reboot_container
  proxmox_upload_file_to_container proxmox_download_file_from_container
  proxmox_list_snapshots proxmox_create_snapshot proxmox_rollback_snapshot proxmox_delete_snapshot
  proxmox_list_vms proxmox_vm_status proxmox_vm_config
  proxmox_start_vm proxmox_stop_vm proxmox_shutdown_vm proxmox_reboot_vm
  proxmox_backup proxmox_list_backups proxmox_resource_usage
  imagekit_request_upload imagekit_confirm_upload imagekit_request_download imagekit_confirm_download
  exchange_upload exchange_download exchange_list exchange_delete exchange_request_upload exchange_share
`;

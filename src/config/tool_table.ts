/** A group of tools that TOOLS can name. */
export type Family = "ssh" | "proxmox" | "links" | "exchange" | "imagekit";

/** What decides whether a tool is offered, and what a worker must be permitted for it. */
export type ToolFact =
  /** Changes nothing on the host, on this machine's disk or at a storage service: offered with READ_ONLY. */
  | "reads"
  /** The ssh worker connects to the host. */
  | "host"
  /** The ssh worker reads local files. */
  | "local source"
  /** The ssh worker writes local files. */
  | "local target"
  /** The transfers worker writes a file through the ssh worker. */
  | "delivers"
  /** The downloads worker listens and reads local files. */
  | "serves"
  /** Not registered while ImageKit is on. */
  | "replaced by ImageKit"
  /** Registered only with several hosts. */
  | "several hosts"
  /** Registered only with more hosts than a schema lists. */
  | "many hosts";

/** With more hosts, the argument `host` is a text: each name would be listed once per tool. */
export const MAX_LISTED_HOSTS = 30;

/**
 * Every tool that any configuration registers. A tool without a row is not offered, and a test compares
 * `reads` with the tool's own effect.
 */
export const TOOL_TABLE: Readonly<Record<Family, Readonly<Record<string, readonly ToolFact[]>>>> = {
  ssh: {
    ssh_exec_command: ["host"],
    ssh_exec_on_hosts: ["host", "several hosts"],
    ssh_copy_between_hosts: ["host", "several hosts"],
    ssh_list_hosts: ["reads", "many hosts"],
    ssh_upload_file: ["host", "local source", "replaced by ImageKit"],
    ssh_download_file: ["host", "local target", "replaced by ImageKit"],
    ssh_read_file: ["host", "reads"],
    ssh_write_file: ["host"],
    ssh_edit_file: ["host"],
    ssh_list_directory: ["host", "reads"],
    ssh_start_job: ["host"],
    ssh_job_output: ["host", "reads"],
    ssh_list_jobs: ["host", "reads"],
    ssh_stop_job: ["host"],
    ssh_upload_directory: ["host", "local source", "replaced by ImageKit"],
    ssh_download_directory: ["host", "local target", "replaced by ImageKit"],
  },
  proxmox: {
    proxmox_container_exec_command: ["host"],
    proxmox_vm_exec_command: ["host"],
    proxmox_list_containers: ["host", "reads"],
    proxmox_container_status: ["host", "reads"],
    proxmox_container_config: ["host", "reads"],
    proxmox_start_container: ["host"],
    proxmox_shutdown_container: ["host"],
    proxmox_stop_container: ["host"],
    proxmox_reboot_container: ["host"],
    proxmox_set_container: ["host"],
    proxmox_migrate_container: ["host"],
    proxmox_resize_container: ["host"],
    proxmox_convert_container_to_template: ["host"],
    proxmox_upload_file_to_container: ["host", "local source", "replaced by ImageKit"],
    proxmox_download_file_from_container: ["host", "local target", "replaced by ImageKit"],
    proxmox_list_snapshots: ["host", "reads"],
    proxmox_create_snapshot: ["host"],
    proxmox_rollback_snapshot: ["host"],
    proxmox_delete_snapshot: ["host"],
    proxmox_list_vms: ["host", "reads"],
    proxmox_vm_status: ["host", "reads"],
    proxmox_vm_config: ["host", "reads"],
    proxmox_start_vm: ["host"],
    proxmox_shutdown_vm: ["host"],
    proxmox_stop_vm: ["host"],
    proxmox_reboot_vm: ["host"],
    proxmox_set_vm: ["host"],
    proxmox_migrate_vm: ["host"],
    proxmox_resize_vm: ["host"],
    proxmox_convert_vm_to_template: ["host"],
    proxmox_list_vm_snapshots: ["host", "reads"],
    proxmox_create_vm_snapshot: ["host"],
    proxmox_rollback_vm_snapshot: ["host"],
    proxmox_delete_vm_snapshot: ["host"],
    proxmox_backup: ["host"],
    proxmox_list_backups: ["host", "reads"],
    proxmox_resource_usage: ["host", "reads"],
    proxmox_list_templates: ["host", "reads"],
    proxmox_download_template: ["host"],
    proxmox_delete_template: ["host"],
    proxmox_node_status: ["host", "reads"],
    proxmox_list_networks: ["host", "reads"],
    proxmox_list_tasks: ["host", "reads"],
    proxmox_task_log: ["host", "reads"],
    proxmox_stop_task: ["host"],
    proxmox_create_container: ["host"],
    proxmox_create_vm: ["host"],
    proxmox_clone_container: ["host"],
    proxmox_clone_vm: ["host"],
    proxmox_restore_backup: ["host"],
    proxmox_destroy_container: ["host"],
    proxmox_destroy_vm: ["host"],
  },
  imagekit: {
    imagekit_request_upload: ["host"],
    imagekit_confirm_upload: ["host", "delivers"],
    imagekit_request_download: ["host"],
    imagekit_confirm_download: [],
  },
  exchange: {
    exchange_upload: ["host", "local source"],
    exchange_download: ["host", "local target", "delivers"],
    exchange_list: ["reads"],
    exchange_delete: [],
    exchange_request_upload: [],
    exchange_share: [],
  },
  links: {
    generate_download_link: ["host", "serves"],
    list_download_stats: ["reads"],
    revoke_download_link: [],
  },
};

/** One row of the table. */
export interface ToolRow {
  readonly name: string;
  readonly family: Family;
  readonly facts: readonly ToolFact[];
}

export const FAMILIES = Object.keys(TOOL_TABLE) as Family[]; // the keys of the record

/** The rows of the table. */
export const TOOL_ROWS: readonly ToolRow[] = FAMILIES.flatMap((family) =>
  Object.entries(TOOL_TABLE[family]).map(([name, facts]) => ({ name, family, facts }))
);

import type { FakeProxmox } from "../fakes/proxmox/install.ts";
import { until } from "../support/until.ts";
import { fileIdIn, runHandedOut } from "../support/handed_out.ts";
import type { Args, Servers } from "./full_stage.ts";

/** Where the files of the calls are. */
export interface CallPlace {
  /** WORKING_DIRECTORY of the server. */
  readonly directory: string;
  readonly host: { readonly directory: string };
}

/** What the arguments of a call may need to know. */
export interface Caller {
  readonly place: CallPlace;
  readonly servers: Servers;
  readonly pve: FakeProxmox;
  /** Returns the answer of the last good call of a tool above in the table. */
  said(tool: string): Record<string, unknown>;
}

/** Arguments, or what makes them. */
export type Wanted = Args | ((caller: Caller) => Args | Promise<Args>);

/** How one tool is called. */
export interface ToolCalls {
  /** A call that succeeds. The table is called from top to bottom. */
  readonly good: Wanted;
  /** Arguments of the right type, to be put over the good ones, and the code with which they fail. */
  readonly bad?: readonly [over: Args, code: string];
  /** Who must answer. */
  readonly remote: "host" | "exchange" | "ImageKit" | "nobody";
  /** Made while everything works, for a call after the remote has failed. Default: the good call. */
  readonly late?: Wanted;
}

/** Adds a file `f.txt` and a directory `tree` to WORKING_DIRECTORY and to the host's directory. */
export function addFiles({ place }: Pick<Caller, "place">): void {
  for (const directory of [place.directory, place.host.directory]) {
    Deno.mkdirSync(`${directory}/tree`);
    for (const name of ["f.txt", "tree/f.txt"]) Deno.writeTextFileSync(`${directory}/${name}`, "x");
  }
}

/** Adds the guests that the calls name. */
export async function addGuests(pve: FakeProxmox): Promise<void> {
  await pve.prepareTemplates();
  await pve.addContainer({ ctid: 101, hostname: "web", status: "running" });
  await pve.addContainer({ ctid: 102, status: "stopped" });
  await pve.addContainer({ ctid: 103, status: "running" });
  await pve.addVm({ vmid: 201, status: "running", agent: true, without: ["grep"] });
  await pve.addVm({ vmid: 202, status: "stopped" });
  await pve.addVm({ vmid: 203, status: "running" });
  await pve.setFault("moreNodes", ["pve2"]);
  // For what cannot be undone.
  await pve.addContainer({ ctid: 190, status: "stopped" });
  await pve.addVm({ vmid: 290, status: "stopped" });
}

const onGuest = (id: "ctid" | "vmid", guest: number, more: Args = {}): ToolCalls => ({
  good: { [id]: guest, ...more },
  bad: [{ [id]: 999 }, "not_found"],
  remote: "host",
});

/** Uploads `f.txt` to ImageKit as a person does. @returns the arguments that confirm it */
export async function uploadOver(
  { servers, place }: Pick<Caller, "servers" | "place">,
  name: string,
): Promise<Args> {
  const request = { remote_path: `${place.host.directory}/${name}` };
  const { data } = await servers.call("imagekit_request_upload", request);
  const { stdout } = await runHandedOut(
    String(data.upload_command),
    `${place.directory}/f.txt`,
  );
  return { transfer_id: data.transfer_id, file_id: fileIdIn(stdout) };
}

const downloadOver = async ({ servers, place }: Caller): Promise<Args> => {
  const request = { remote_path: `${place.host.directory}/f.txt` };
  const { data } = await servers.call("imagekit_request_download", request);
  return { transfer_id: data.transfer_id };
};

const onExchange = ({ said }: Caller): Args => {
  const { transfer_id, source_client } = said("exchange_upload");
  return { transfer_id, source_client };
};

const jobOf = ({ said }: Caller): Args => ({ job_id: said("ssh_start_job").job_id });

const NO_TASK = { upid: "UPID:pve:0000ABCD:0000ABCD:65000000:vzstart:101:root@pam:" };

/** The newest task, or undefined. */
async function newestTask({ servers }: Caller, args: Args = {}): Promise<string | undefined> {
  const { data } = await servers.call("proxmox_list_tasks", args);
  const [task] = data.tasks as { readonly upid: string }[]; // as its schema says
  return task?.upid;
}

const lastTask = async (caller: Caller): Promise<Args> => ({ upid: await newestTask(caller) });

/** A snapshot that is half made until it is stopped. */
async function heldTask(caller: Caller): Promise<Args> {
  await caller.pve.setFault("taskHolds", 0);
  const snapshot = { ctid: 103, snapshot: "held" };
  caller.servers.call("proxmox_create_snapshot", snapshot).catch(() => {})
    .finally(() => caller.pve.setFault("taskHolds", undefined));
  let upid: string | undefined;
  await until("a task runs", async () => {
    upid = await newestTask(caller, { state: "running" });
    return upid !== undefined;
  });
  return { upid };
}

const NO_JOB = { job_id: "none" };
const NO_TRANSFER = { transfer_id: "server_20260101_000000_00000000_none.txt" };

/** Every tool. A tool that is not named here fails the tests that read this table. */
export const TOOL_CALLS: Readonly<Record<string, ToolCalls>> = {
  ssh_exec_command: {
    good: { command: "echo out" },
    bad: [{ command: "  " }, "invalid_argument"],
    remote: "host",
  },
  ssh_upload_file: {
    good: ({ place }) => ({
      local_path: "f.txt",
      remote_path: `${place.host.directory}/up.txt`,
      overwrite: true,
    }),
    bad: [{ local_path: "missing.txt" }, "not_found"],
    remote: "host",
  },
  ssh_download_file: {
    good: ({ place }) => ({
      local_path: "down.txt",
      remote_path: `${place.host.directory}/f.txt`,
      overwrite: true,
    }),
    bad: [{ remote_path: "/no/such/file" }, "not_found"],
    remote: "host",
  },
  ssh_read_file: {
    good: ({ place }) => ({ path: `${place.host.directory}/f.txt` }),
    bad: [{ path: "/no/such/file" }, "not_found"],
    remote: "host",
  },
  ssh_write_file: {
    good: ({ place }) => ({ path: `${place.host.directory}/new.txt`, content: "one\n" }),
    bad: [{ path: "/no/such/file" }, "not_found"],
    remote: "host",
  },
  ssh_edit_file: {
    good: ({ place }) => ({
      path: `${place.host.directory}/new.txt`,
      edits: [{ old_text: "one", new_text: "two" }],
    }),
    bad: [{ path: "/no/such/file" }, "not_found"],
    remote: "host",
  },
  ssh_list_directory: {
    good: ({ place }) => ({ path: place.host.directory }),
    bad: [{ path: "/no/such/directory" }, "not_found"],
    remote: "host",
  },
  ssh_start_job: {
    good: { command: "echo out" },
    bad: [{ command: "  " }, "invalid_argument"],
    remote: "host",
  },
  ssh_job_output: { good: jobOf, bad: [NO_JOB, "not_found"], remote: "host" },
  ssh_list_jobs: { good: {}, remote: "host" },
  ssh_stop_job: { good: jobOf, bad: [NO_JOB, "not_found"], remote: "host" },
  ssh_upload_directory: {
    good: ({ place }) => ({ local_path: "tree", remote_path: `${place.host.directory}/up` }),
    bad: [{ local_path: "missing" }, "not_found"],
    remote: "host",
  },
  ssh_download_directory: {
    good: ({ place }) => ({ local_path: "down", remote_path: `${place.host.directory}/tree` }),
    bad: [{ remote_path: "/no/such/directory" }, "not_found"],
    remote: "host",
  },
  proxmox_container_exec_command: onGuest("ctid", 101, { command: "echo out" }),
  proxmox_vm_exec_command: onGuest("vmid", 201, { command: "echo out" }),
  proxmox_list_containers: { good: {}, remote: "host" },
  proxmox_container_status: onGuest("ctid", 101),
  proxmox_container_config: onGuest("ctid", 101),
  proxmox_start_container: onGuest("ctid", 102),
  proxmox_reboot_container: onGuest("ctid", 102),
  proxmox_stop_container: onGuest("ctid", 102),
  proxmox_shutdown_container: onGuest("ctid", 103),
  proxmox_upload_file_to_container: {
    good: { ctid: 101, local_path: "f.txt", container_path: "/opt/f.txt", overwrite: true },
    bad: [{ container_path: "/no/such/file" }, "not_found"],
    remote: "host",
  },
  proxmox_download_file_from_container: {
    good: { ctid: 101, local_path: "g.txt", container_path: "/opt/f.txt", overwrite: true },
    bad: [{ container_path: "/no/such/file" }, "not_found"],
    remote: "host",
  },
  proxmox_create_snapshot: onGuest("ctid", 102, { snapshot: "one" }),
  proxmox_list_snapshots: onGuest("ctid", 102),
  proxmox_rollback_snapshot: onGuest("ctid", 102, { snapshot: "one" }),
  proxmox_delete_snapshot: onGuest("ctid", 102, { snapshot: "one" }),
  proxmox_create_vm_snapshot: onGuest("vmid", 202, { snapshot: "one", include_ram: true }),
  proxmox_list_vm_snapshots: onGuest("vmid", 202),
  proxmox_rollback_vm_snapshot: onGuest("vmid", 202, { snapshot: "one" }),
  proxmox_delete_vm_snapshot: onGuest("vmid", 202, { snapshot: "one" }),
  proxmox_list_vms: { good: {}, remote: "host" },
  proxmox_vm_status: onGuest("vmid", 201),
  proxmox_vm_config: onGuest("vmid", 201),
  proxmox_start_vm: onGuest("vmid", 202),
  proxmox_reboot_vm: onGuest("vmid", 202),
  proxmox_stop_vm: onGuest("vmid", 202),
  proxmox_shutdown_vm: onGuest("vmid", 203),
  proxmox_backup: onGuest("vmid", 102),
  proxmox_list_backups: {
    good: { storage: "local" },
    bad: [{ storage: "nosuch" }, "invalid_argument"],
    remote: "host",
  },
  proxmox_resource_usage: { good: {}, remote: "host" },
  proxmox_list_templates: { good: {}, remote: "host" },
  proxmox_download_template: {
    good: { template: "debian-12-standard_12.7-1_amd64.tar.zst" },
    bad: [{ template: "nosuch.tar.zst" }, "not_found"],
    remote: "host",
  },
  proxmox_create_container: {
    good: {
      template: "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst",
      hostname: "new",
      start: false,
    },
    bad: [{ template: "local:vztmpl/nosuch.tar.zst" }, "not_found"],
    remote: "host",
  },
  proxmox_create_vm: {
    good: { name: "newvm", start: false },
    bad: [{ vmid: 101 }, "already_exists"],
    remote: "host",
  },
  proxmox_clone_container: {
    good: ({ said }) => ({ ctid: said("proxmox_create_container").ctid, name: "copy" }),
    bad: [{ ctid: 999 }, "not_found"],
    remote: "host",
  },
  proxmox_clone_vm: {
    good: ({ said }) => ({ vmid: said("proxmox_create_vm").vmid, name: "vmcopy" }),
    bad: [{ vmid: 999 }, "not_found"],
    remote: "host",
  },
  proxmox_restore_backup: {
    good: ({ said }) => ({ backup: said("proxmox_backup").volid }),
    bad: [{ ctid: 101 }, "already_exists"],
    remote: "host",
  },
  proxmox_destroy_container: {
    good: ({ said }) => ({
      ctid: said("proxmox_clone_container").ctid,
      confirm_name: "copy",
    }),
    bad: [{ ctid: 102, confirm_name: "other" }, "invalid_argument"],
    remote: "host",
  },
  proxmox_destroy_vm: {
    good: ({ said }) => ({ vmid: said("proxmox_clone_vm").vmid, confirm_name: "vmcopy" }),
    bad: [{ vmid: 202, confirm_name: "other" }, "invalid_argument"],
    remote: "host",
  },
  proxmox_delete_template: {
    good: { template: "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst" },
    bad: [{ template: "local:vztmpl/nosuch.tar.zst" }, "not_found"],
    remote: "host",
  },
  proxmox_set_container: onGuest("ctid", 102, { settings: { cores: 3 } }),
  proxmox_resize_container: onGuest("ctid", 102, { disk: "rootfs", size: "+1G" }),
  proxmox_convert_container_to_template: onGuest("ctid", 190),
  proxmox_set_vm: onGuest("vmid", 202, { settings: { cores: 3 } }),
  proxmox_resize_vm: onGuest("vmid", 202, { disk: "scsi0", size: "+1G" }),
  proxmox_convert_vm_to_template: onGuest("vmid", 290),
  proxmox_migrate_container: onGuest("ctid", 190, { target: "pve2" }),
  proxmox_migrate_vm: onGuest("vmid", 290, { target: "pve2" }),
  proxmox_node_status: { good: {}, remote: "host" },
  proxmox_list_networks: { good: {}, remote: "host" },
  proxmox_list_tasks: {
    good: {},
    bad: [{ node: "nosuch" }, "unreachable"],
    remote: "host",
  },
  proxmox_task_log: { good: lastTask, bad: [NO_TASK, "not_found"], remote: "host" },
  proxmox_stop_task: { good: heldTask, bad: [NO_TASK, "not_found"], remote: "host" },
  imagekit_request_upload: {
    good: ({ place }) => ({ remote_path: `${place.host.directory}/requested.txt` }),
    bad: [{ remote_path: "/a/../b" }, "invalid_argument"],
    remote: "host",
  },
  imagekit_confirm_upload: {
    good: (caller) => uploadOver(caller, "confirmed.txt"),
    bad: [{ transfer_id: "none" }, "not_found"],
    remote: "ImageKit",
    late: (caller) => uploadOver(caller, "late.txt"),
  },
  imagekit_request_download: {
    good: ({ place }) => ({ remote_path: `${place.host.directory}/f.txt` }),
    bad: [{ remote_path: "/no/such/file" }, "not_found"],
    remote: "host",
  },
  imagekit_confirm_download: {
    good: downloadOver,
    bad: [{ transfer_id: "none" }, "not_found"],
    remote: "ImageKit",
    late: downloadOver,
  },
  exchange_upload: {
    good: { local_path: "f.txt" },
    bad: [{ local_path: "missing.txt" }, "not_found"],
    remote: "exchange",
  },
  exchange_list: {
    good: {},
    bad: [{ client_id: "a/b" }, "invalid_argument"],
    remote: "exchange",
  },
  exchange_share: { good: onExchange, bad: [NO_TRANSFER, "not_found"], remote: "exchange" },
  exchange_download: {
    good: (caller) => ({ ...onExchange(caller), local_path: "ex.txt", overwrite: true }),
    bad: [NO_TRANSFER, "not_found"],
    remote: "exchange",
  },
  exchange_delete: {
    good: onExchange,
    bad: [{ transfer_id: "../up" }, "invalid_argument"],
    remote: "exchange",
  },
  exchange_request_upload: {
    good: { filename: "x.txt" },
    bad: [{ filename: "a/b" }, "invalid_argument"],
    remote: "nobody",
  },
  generate_download_link: {
    good: ({ place }) => ({ path: `${place.host.directory}/f.txt`, source: "host" }),
    bad: [{ path: "/no/such/file" }, "not_found"],
    remote: "host",
  },
  list_download_stats: { good: {}, remote: "nobody" },
  revoke_download_link: {
    good: ({ said }) => ({ token_id: said("generate_download_link").token_id }),
    bad: [{ token_id: "0".repeat(16) }, "not_found"],
    remote: "nobody",
    late: async ({ servers }) => {
      const { data } = await servers.call("generate_download_link", { path: "f.txt" });
      return { token_id: data.token_id };
    },
  },
};

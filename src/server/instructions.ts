import type { Config, HostsConfig } from "../config/config.ts";
import { TOOL_ROWS, type ToolRow } from "../config/tool_table.ts";
import { printable } from "../errors.ts";
import { exactSize, shortened, shortHost } from "../mcp/words.ts";

const MAX_LOGIN = 32;
const MAX_DIRECTORY = 60;
const MAX_NODES = 60;

/** What the instructions are made from. */
export type Introduced = Pick<Config, "ssh" | "hosts" | "limits" | "files" | "r2">;

/**
 * Returns what a model must know before it chooses a tool. Many clients show it only this text and the
 * names of the tools. At most 1,900 characters, because clients cut it at 2,048.
 *
 * @param names the tools that are offered; a family is described only if some of its tools are among them
 */
export function instructions(config: Introduced, names: readonly string[]): string {
  const has = (name: string) => names.includes(name);
  const hasFamily = (prefix: string) => names.some((name) => name.startsWith(prefix));
  const isNode = hasFamily("proxmox_");
  const rows = TOOL_ROWS.filter(({ name }) => has(name));
  const sections = [
    opening(config, isNode, has),
    has("ssh_exec_command") ? commands(config, has) : "",
    has("ssh_job_output") ? jobs(has) : "",
    isNode ? proxmox(has) : "",
    has("ssh_upload_file") || has("ssh_download_file") ? copies(config, has) : "",
    has("ssh_read_file") || has("ssh_write_file") ? textFiles(has, isNode) : "",
    hasFamily("imagekit_") ? imageKit(isNode) : "",
    config.r2 !== undefined && hasFamily("exchange_") ? exchange(config.r2, isNode, has) : "",
    has("generate_download_link") ? links(isNode) : "",
    rows.some(usesLocalFiles) ? localFiles(config) : "",
    rows.every(({ facts }) => facts.includes("reads")) ? "No tool changes anything." : "",
    "Failures have code, error and suggestion.",
  ];
  return sections.filter((section) => section !== "").join("\n");
}

function opening(
  { ssh, hosts }: Introduced,
  isNode: boolean,
  has: (name: string) => boolean,
): string {
  if (hosts !== undefined) return openingOfHosts(hosts, has("ssh_list_hosts"));
  const login = shortened(printable(ssh.username), MAX_LOGIN);
  const port = ssh.port === 22 ? "" : `, port ${ssh.port}`;
  return `Tools for the host ${
    shortHost(printable(ssh.alias ?? ssh.host))
  }${port} over SSH, as ${login}` +
    `${isNode ? "; it is a Proxmox VE node" : ""}. "Local" is the machine that runs this server.`;
}

function openingOfHosts({ list, defaultName }: HostsConfig, areListed: boolean): string {
  const nodes = list.filter(({ proxmox }) => proxmox).map(({ name }) => name).join(", ");
  return `Tools for ${list.length} hosts over SSH: the argument host chooses one` +
    (defaultName === undefined ? "" : `, by default ${shortHost(defaultName)}`) +
    (areListed ? "; ssh_list_hosts lists them" : "") +
    (nodes === "" ? "" : `; Proxmox VE nodes: ${shortened(nodes, MAX_NODES)}`) +
    `. "Local" is the machine that runs this server.`;
}

function commands({ ssh, limits }: Introduced, has: (name: string) => boolean): string {
  const canGoOn = has("ssh_job_output");
  const root = ssh.sudo === undefined ? "`sudo -n`" : "the argument sudo instead of `sudo`";
  return "- ssh_exec_command: shell commands on the host itself. No TTY, no stdin: use -y, --no-pager and " +
    `${root}, as nobody can type a password. On timeout (default ` +
    `${limits.timeoutMs / 1000} s, max 300) the command is stopped and its output so far returned` +
    (canGoOn ? `; a long one becomes a job.` : ".");
}

const jobs = (has: (name: string) => boolean): string =>
  has("ssh_start_job")
    ? "- ssh_start_job: long work (upgrades, builds), not nohup; survives this server. " +
      "ssh_job_output reads it."
    : "- ssh_job_output: output of jobs on the host.";

function proxmox(has: (name: string) => boolean): string {
  const exec = ["proxmox_container_exec_command", "proxmox_vm_exec_command"].filter(has);
  return "- proxmox_*: LXC containers (ctid) and VMs (vmid)" +
    (has("ssh_exec_command") ? ": prefer them to pct and qm in ssh_exec_command. " : ". ") +
    (exec.length > 0 ? `Inside a guest: ${exec.join(", ")}. ` : "") +
    (has("proxmox_resource_usage") ? "Cluster: proxmox_resource_usage. " : "") +
    (has("proxmox_shutdown_container")
      ? "Shut down rather than stop (a kill). Before risky changes make a snapshot or backup."
      : "");
}

function copies({ limits }: Introduced, has: (name: string) => boolean): string {
  const tools = ["ssh_upload_file", "ssh_download_file"].filter(has).join(", ");
  return `- ${tools}: one file between local and host, verified, max ` +
    `${exactSize(limits.maxFileBytes)}; ssh_*_directory: directories.`;
}

function textFiles(has: (name: string) => boolean, isNode: boolean): string {
  const tools = ["ssh_read_file", "ssh_list_directory", "ssh_edit_file", "ssh_write_file"]
    .filter(has).join(", ");
  return `- ${tools}: text files on the host${isNode ? " or in a container (ctid)" : ""}.`;
}

const imageKit = (isNode: boolean): string =>
  `- imagekit_*: one file between the user's machine and the host${
    isNode ? " or a container (ctid)" : ""
  }, ` +
  "in 3 steps: request, run the returned curl command there, confirm.";

function exchange(
  r2: { readonly maxFileBytes: number },
  isNode: boolean,
  has: (name: string) => boolean,
): string {
  if (!has("exchange_upload") && !has("exchange_download")) {
    return "- exchange_*: files that other machines and people exchange over R2; kept for 48 hours.";
  }
  return `- exchange_*: files up to ${
    exactSize(r2.maxFileBytes)
  } to and from other machines and people over R2, ` +
    `from ${places(isNode)}; kept for 48 hours.` +
    (has("exchange_request_upload") ? " Others send with exchange_request_upload." : "") +
    (has("exchange_share") ? " Renew expired URLs: exchange_share." : "");
}

const links = (isNode: boolean): string =>
  "- generate_download_link: a link for a person to open in a browser, once: one file or directory from " +
  `${places(isNode)}. Do not open it yourself. Links end with this server.`;

const places = (isNode: boolean) => isNode ? "local, host or container" : "local or host";

const usesLocalFiles = ({ facts }: ToolRow): boolean => LOCAL.some((fact) => facts.includes(fact));

/** The facts of tools that read or write files of this machine. */
const LOCAL = ["local source", "local target", "serves"] as const;

function localFiles({ files }: Introduced): string {
  const [first = files.workingDirectory, ...more] = files.roots;
  const others = more.length === 0 ? "" : ` and ${more.length} more allowed directories`;
  return `Local files: only in ${
    shortened(printable(first), MAX_DIRECTORY)
  }${others}; relative paths start there.`;
}

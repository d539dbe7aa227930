import type { ConfigurationName } from "../support/catalogs.ts";

/** What a person asks for, and the tool that a model must call first. */
export interface ToolChoice {
  readonly configuration: ConfigurationName;
  readonly request: string;
  readonly tool: string;
}

/**
 * Written before any model saw them. A model that sees only the instructions and the names of the tools
 * must choose right in all of them.
 */
export const TOOL_CHOICES: readonly ToolChoice[] = [
  {
    configuration: "core",
    request: "How full are the disks of the server?",
    tool: "ssh_exec_command",
  },
  {
    configuration: "core",
    request:
      "Put the nginx.conf that is in my project folder onto the server as /etc/nginx/nginx.conf.",
    tool: "ssh_upload_file",
  },
  {
    configuration: "core",
    request:
      "Fetch /var/log/syslog from the server into the project, so that you can search it here.",
    tool: "ssh_download_file",
  },
  {
    configuration: "core",
    request:
      "My colleague needs /srv/reports of the server. She has only a browser. What can I send her?",
    tool: "generate_download_link",
  },
  {
    configuration: "core",
    request:
      "I posted the link to the report in the wrong channel. Make it stop working; its id is 0123456789abcdef.",
    tool: "revoke_download_link",
  },
  {
    configuration: "core",
    request: "Has anybody downloaded the file from the link that you made an hour ago?",
    tool: "list_download_stats",
  },
  {
    configuration: "core",
    request: "Install htop on the server. The login is not root.",
    tool: "ssh_exec_command",
  },
  {
    configuration: "proxmox",
    request: "Which services have failed inside container 101?",
    tool: "proxmox_container_exec_command",
  },
  {
    configuration: "proxmox",
    request: "Which kernel does VM 200 run?",
    tool: "proxmox_vm_exec_command",
  },
  {
    configuration: "proxmox",
    request: "Which kernel does the Proxmox machine itself run?",
    tool: "ssh_exec_command",
  },
  {
    configuration: "proxmox",
    request: "Turn VM 200 off, but let it save its data first.",
    tool: "proxmox_shutdown_vm",
  },
  {
    configuration: "proxmox",
    request: "I am going to upgrade container 101. Make sure that I can undo it within seconds.",
    tool: "proxmox_create_snapshot",
  },
  {
    configuration: "proxmox",
    request: "Copy the site.conf from this folder to /etc/nginx/conf.d in container 105.",
    tool: "proxmox_upload_file_to_container",
  },
  {
    configuration: "proxmox",
    request: "Which guest of the whole cluster uses most memory?",
    tool: "proxmox_resource_usage",
  },
  {
    configuration: "imagekit",
    request: "I have app.conf on my laptop; it has to go to /data/app.conf on the server.",
    tool: "imagekit_request_upload",
  },
  {
    configuration: "imagekit",
    request: "The curl command for my upload printed HTTP 200 and a fileId. Go on.",
    tool: "imagekit_confirm_upload",
  },
  {
    configuration: "proxmox_and_imagekit",
    request: "I want /var/log/app.log of container 103 on my own computer; I can run curl here.",
    tool: "imagekit_request_download",
  },
  {
    configuration: "r2",
    request:
      "Three other servers fetch the 8 GB dump /var/backups/db.sql.gz of this host tonight with curl. Provide it.",
    tool: "exchange_upload",
  },
  {
    configuration: "r2",
    request:
      "A customer without an account has to send us a log archive. What does he have to run?",
    tool: "exchange_request_upload",
  },
  {
    configuration: "everything",
    request:
      "The download_url for the dump in the exchange expired yesterday evening. I need a new one.",
    tool: "exchange_share",
  },
];

/** The same for tools that came later. */
export const LATER_CHOICES: readonly ToolChoice[] = [
  {
    configuration: "core",
    request:
      "Upgrade all packages of the server. That takes an hour, and I shut my laptop down meanwhile.",
    tool: "ssh_start_job",
  },
  {
    configuration: "core",
    request: "What did the build print that you started an hour ago? Its id is 0123456789abcdef.",
    tool: "ssh_job_output",
  },
  {
    configuration: "core",
    request: "Something that you left running on the server yesterday may be stuck. What was it?",
    tool: "ssh_list_jobs",
  },
  {
    configuration: "core",
    request:
      "Change Port 22 to Port 2222 in the server's /etc/ssh/sshd_config, nothing else in it.",
    tool: "ssh_edit_file",
  },
  {
    configuration: "core",
    request: "Show me lines 40 to 80 of the server's /etc/nginx/nginx.conf.",
    tool: "ssh_read_file",
  },
  {
    configuration: "core",
    request: "Create /etc/motd on the server with the text that I just dictated to you.",
    tool: "ssh_write_file",
  },
];

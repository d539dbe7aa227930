import assert from "node:assert/strict";
import type { Environment } from "../../src/config/environment.ts";
import { FAMILIES, TOOL_ROWS } from "../../src/config/tool_table.ts";
import { configOf, CORE, faultsOf } from "../support/config.ts";
import { pure } from "../support/pure.ts";

const PROXMOX = { ENABLE_PROXMOX: "true" };
const READERS = [
  "ssh_job_output",
  "ssh_list_jobs",
  "proxmox_list_containers",
  "proxmox_container_status",
  "proxmox_container_config",
  "proxmox_list_snapshots",
  "proxmox_list_vms",
  "proxmox_vm_status",
  "proxmox_vm_config",
  "proxmox_list_vm_snapshots",
  "proxmox_list_backups",
  "proxmox_resource_usage",
  "proxmox_list_templates",
  "proxmox_node_status",
  "proxmox_list_networks",
  "proxmox_list_tasks",
  "proxmox_task_log",
];
const R2 = { R2_ACCOUNT_ID: "a", R2_ACCESS_KEY: "b", R2_SECRET_KEY: "c", R2_BUCKET: "d" };

const tools = (env: Environment) => configOf(env).offer.tools;

const OFFERS: readonly (readonly [what: string, env: Environment, tools: readonly string[]])[] = [
  ["everything by default", {}, CORE],
  ["a family", { TOOLS: "links" }, CORE.slice(13)],
  ["tools and families", { TOOLS: "ssh_exec_command, links" }, [
    "ssh_exec_command",
    ...CORE.slice(13),
  ]],
  ["all but a tool", { TOOLS: "-ssh_exec_command" }, CORE.slice(1)],
  ["all but a family", { TOOLS: "-ssh" }, CORE.slice(13)],
  ["a family without a tool, in any order", { TOOLS: "-ssh_exec_command,ssh" }, CORE.slice(1, 13)],
  ["nothing that is removed as a family", { TOOLS: "ssh_exec_command,links,-ssh" }, CORE.slice(13)],
  ["names in any case, and empty words", { TOOLS: " SSH_Exec_Command ,, - links, " }, [
    "ssh_exec_command",
  ]],
  ["no tool of a module that is off", { TOOLS: "proxmox,exchange_list,ssh_exec_command" }, [
    "ssh_exec_command",
  ]],
  ["only readers", { READ_ONLY: "true", ...PROXMOX, ...R2 }, [
    "ssh_read_file",
    "ssh_list_directory",
    ...READERS,
    "exchange_list",
    "list_download_stats",
  ]],
  ["only readers of TOOLS", {
    READ_ONLY: "true",
    TOOLS: "ssh,proxmox,-proxmox_list_vms",
    ...PROXMOX,
  }, [
    "ssh_read_file",
    "ssh_list_directory",
    ...READERS.filter((name) => name !== "proxmox_list_vms"),
  ]],
  ["nothing that TOOLS names and READ_ONLY forbids", {
    READ_ONLY: "true",
    TOOLS: "ssh_exec_command,ssh_edit_file",
  }, []],
];

for (const [what, env, expected] of OFFERS) {
  pure(`chooseTools() offers ${what}`, () => assert.deepEqual(tools(env), expected));
}

const FAULTS: readonly (readonly [value: string, message: RegExp, remedy: RegExp])[] = [
  [
    "ssh_exec",
    /"ssh_exec", which is neither a tool nor a family/,
    /^Did you mean ssh_exec_command\?/,
  ],
  ["-ssh-exec-command", /"ssh-exec-command"/, /^Did you mean ssh_exec_command\?/],
  ["proxmo", /"proxmo"/, /^Did you mean proxmox\?/],
  ["link", /"link"/, /^Did you mean links\?/],
  ["download", /"download"/, /^Did you mean ssh_download_file\?/],
  ["everything", /"everything"/, /families ssh, proxmox, imagekit, exchange, links, separated by/],
  ["root:pw@host", /a value that is not shown/, /^Correct TOOLS: name tools/],
];

for (const [value, message, remedy] of FAULTS) {
  pure(`chooseTools() reports ${value} as unknown`, () => {
    const [fault, ...more] = faultsOf({ TOOLS: `ssh,${value}` });
    assert.deepEqual(more, []);
    assert.match(fault?.message ?? "", message);
    assert.match(fault?.remedy ?? "", remedy);
  });
}

pure("chooseTools() reports every unknown word, and names the file that TOOLS comes from", () => {
  assert.equal(faultsOf({ TOOLS: "one,-two,ssh" }).length, 2);
  assert.match(faultsOf({ TOOLS: " , " })[0]?.message ?? "", /^TOOLS must be names separated by/);
});

pure("READ_ONLY is a fault when it is neither true nor false", () => {
  assert.match(
    faultsOf({ READ_ONLY: "yes" })[0]?.message ?? "",
    /^READ_ONLY must be true or false/,
  );
});

pure("oddOffer() warns of an offer without tools and of an API key without links", () => {
  const remarks = (env: Environment) => configOf(env).origin.remarks.map(({ message }) => message);
  assert.deepEqual(remarks({ TOOLS: "-ssh" }), []);
  assert.deepEqual(remarks({ TOOLS: "proxmox" }), [
    "READ_ONLY and TOOLS leave no tool of this configuration",
  ]);
  assert.deepEqual(remarks({ READ_ONLY: "true", DOWNLOAD_API_KEY: "0123456789abcdef" }), [
    "DOWNLOAD_API_KEY has no effect: generate_download_link is not offered",
  ]);
});

pure("TOOL_ROWS has no name twice, and none is a family", () => {
  const names = TOOL_ROWS.map(({ name }) => name);
  assert.equal(new Set([...names, ...FAMILIES]).size, names.length + FAMILIES.length);
});

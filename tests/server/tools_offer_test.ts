import assert from "node:assert/strict";
import { TOOL_ROWS } from "../../src/config/tool_table.ts";
import { createCatalog } from "../../src/mcp/catalog.ts";
import {
  CONFIGURATION_NAMES,
  CONFIGURATIONS,
  MANY_HOSTS,
  offeredTools,
  toolsOf,
} from "../support/catalogs.ts";
import { configOf } from "../support/config.ts";

/** Reviewed one by one: these change nothing on the host, on this machine's disk or at a storage service. */
const READERS = [
  "exchange_list",
  "list_download_stats",
  "proxmox_container_config",
  "proxmox_container_status",
  "proxmox_list_backups",
  "proxmox_list_containers",
  "proxmox_list_networks",
  "proxmox_list_snapshots",
  "proxmox_list_tasks",
  "proxmox_list_templates",
  "proxmox_list_vm_snapshots",
  "proxmox_list_vms",
  "proxmox_node_status",
  "proxmox_resource_usage",
  "proxmox_task_log",
  "proxmox_vm_config",
  "proxmox_vm_status",
  "ssh_job_output",
  "ssh_list_directory",
  "ssh_list_hosts",
  "ssh_list_jobs",
  "ssh_read_file",
];

for (const name of CONFIGURATION_NAMES) {
  const env = CONFIGURATIONS[name];

  Deno.test(`createTools() makes every tool that the table offers, and no other (${name})`, async () => {
    const names = (await toolsOf(name)).map((tool) => tool.name);
    assert.deepEqual(names.sort(), [...configOf(env).offer.tools].sort());
  });

  Deno.test(`READ_ONLY offers exactly the tools whose effect is to read (${name})`, async () => {
    const readers = (await toolsOf(name)).filter(({ effect }) => effect === "reads");
    const offered = await offeredTools({ ...env, READ_ONLY: "true" });
    assert.deepEqual(offered.map((tool) => tool.name), readers.map((tool) => tool.name));
    for (const { annotations } of createCatalog(offered).list) {
      assert.equal(annotations?.readOnlyHint, true);
    }
  });
}

Deno.test("the tools that read are those of the reviewed list", () => {
  const readers = TOOL_ROWS.filter(({ facts }) => facts.includes("reads"));
  assert.deepEqual(readers.map(({ name }) => name).sort(), READERS);
});

Deno.test("every tool of the table is made by a configuration, and its name begins with its family", async () => {
  const made = new Set((await offeredTools(MANY_HOSTS)).map(({ name }) => name));
  for (const name of CONFIGURATION_NAMES) {
    for (const tool of await toolsOf(name)) made.add(tool.name);
  }
  assert.deepEqual(TOOL_ROWS.map(({ name }) => name).sort(), [...made].sort());
  for (const { name, family } of TOOL_ROWS) {
    assert.ok(family === "links" ? name.includes("download") : name.startsWith(`${family}_`), name);
  }
});

Deno.test("a call answers early only if the tool that reads jobs is offered", async () => {
  const described = async (env: Readonly<Record<string, string>>) =>
    (await offeredTools(env)).find(({ name }) => name === "ssh_exec_command")?.description ?? "";
  assert.match(await described({}), /After 45 s it goes on as a job: running, job_id/);
  assert.match(await described({ ANSWER_WITHIN: "20" }), /After 20 s/);
  assert.doesNotMatch(await described({ ANSWER_WITHIN: "0" }), /job_id/);
  assert.doesNotMatch(await described({ TOOLS: "-ssh_job_output" }), /job_id/);
});

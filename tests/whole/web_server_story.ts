/** A web server in a container, as the owner of a home lab would run one, with nothing but the tools. */
import assert from "node:assert/strict";
import type { Version } from "../fakes/proxmox/install.ts";
import { startLifeStage, succeeded } from "./guest_life.ts";

/** Creates it with a fixed address, clones, breaks, restores and removes it. */
export async function webServerStory(version: Version): Promise<void> {
  await using stage = await startLifeStage(version);
  await stage.pve.prepareTemplates();
  await using server = await stage.connect();
  const call = async (tool: string, args: Record<string, unknown> = {}) =>
    succeeded(await server.call(tool, args));
  const { available } = await call("proxmox_list_templates", { filter: "debian-12-standard" });
  const [first] = available as { name: string }[];
  const template = first?.name;
  const { template: volume } = await call("proxmox_download_template", { template });
  const web = await call("proxmox_create_container", {
    ...{ template: volume, hostname: "web", ip: "10.0.0.5/24", gateway: "10.0.0.1" },
    ssh_keys: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4kF7u0b7kq me",
  });
  const { ctid } = web;
  assert.deepEqual([web.status, web.addresses], ["running", ["10.0.0.5"]]);
  const inside = (command: string) => call("proxmox_container_exec_command", { ctid, command });
  await inside("mkdir -p /srv/www && echo hello >/srv/www/index.html");
  await call("proxmox_create_snapshot", { ctid, snapshot: "good" });
  const { volid: backup } = await call("proxmox_backup", { vmid: ctid, storage: "local" });
  await call("proxmox_shutdown_container", { ctid });
  const copy = await call("proxmox_clone_container", { ctid, name: "web2" });
  assert.match(JSON.stringify(copy.warnings), /fixed address 10\.0\.0\.5\/24/);
  await call("proxmox_start_container", { ctid });
  await inside("rm -rf /srv");
  await call("proxmox_stop_container", { ctid });
  await call("proxmox_restore_backup", { backup, ctid, overwrite: true, confirm_name: "web" });
  await call("proxmox_start_container", { ctid });
  assert.equal((await inside("cat /srv/www/index.html")).stdout, "hello\n");
  const early = await server.call("proxmox_destroy_container", { ctid, confirm_name: "web" });
  assert.equal(early.data.code, "invalid_state");
  await call("proxmox_shutdown_container", { ctid });
  const gone = await call("proxmox_destroy_container", { ctid, confirm_name: "web" });
  assert.deepEqual(gone.left, [`backup ${backup}`]);
  await call("proxmox_destroy_container", { ctid: copy.ctid, confirm_name: "web2" });
  assert.deepEqual((await call("proxmox_list_containers")).containers, []);
  assert.deepEqual(await stage.pve.disks(), []);
}

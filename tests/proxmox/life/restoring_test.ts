import assert from "node:assert/strict";
import { until } from "../../support/until.ts";
import { failure, type Node, nodeTest } from "../node.ts";

const FIXED = "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:AA:BB:CC,ip=10.0.0.5/24,type=veth";

const restore = (node: Node, args: Record<string, unknown>) =>
  node.call("proxmox_restore_backup", args);

async function backUp(node: Node, vmid: number): Promise<string> {
  const { data, text, isError } = await node.call("proxmox_backup", { vmid, storage: "local" });
  assert.equal(isError, false, text);
  return data.volid;
}

nodeTest("backups are restored as new guests and over old ones (Proxmox VE 7)", {
  version: 7,
  containers: [{ ctid: 101, hostname: "web", status: "stopped", config: { net0: FIXED } }],
  vms: [{ vmid: 200, name: "app", status: "stopped" }],
}, async (node) => {
  const backup = await backUp(node, 101);
  const { data, text, isError } = await restore(node, { backup });
  assert.equal(isError, false, text);
  assert.deepEqual([data.ctid, data.status, data.config.hostname], [100, "stopped", "web"]);
  assert.doesNotMatch(data.config.net0, /AA:BB:CC/);
  assert.deepEqual(data.warnings.filter((text: string) => !/nesting/.test(text)), [
    "It has the fixed address 10.0.0.5/24 of container 101: change it before both run",
  ]);
  const over = { backup, ctid: 101, overwrite: true };
  assert.equal(failure(await restore(node, { backup, ctid: 101 }))[0], "already_exists");
  assert.equal(failure(await restore(node, over))[0], "invalid_argument");
  assert.equal(
    failure(await restore(node, { ...over, confirm_name: "db" }))[0],
    "invalid_argument",
  );
  assert.equal(failure(await restore(node, { backup, vmid: 300 }))[0], "invalid_argument");
  const replaced = await restore(node, { ...over, confirm_name: "web" });
  assert.equal(replaced.isError, false, replaced.text);
  assert.match(replaced.data.config.net0, /AA:BB:CC/);
  assert.deepEqual(await node.pve.disks(), ["vm-100-disk-0", "vm-101-disk-1", "vm-200-disk-0"]);
  const vm = await restore(node, { backup: await backUp(node, 200), vmid: 201 });
  assert.deepEqual([vm.isError, vm.data.vmid, vm.data.config.name], [false, 201, "app"], vm.text);
});

nodeTest("a restore that fails says what is left of the guest", {
  containers: [
    { ctid: 101, hostname: "web", status: "stopped" },
    { ctid: 102, hostname: "db", status: "running" },
  ],
  vms: [{ vmid: 200, name: "app", status: "stopped" }],
}, async (node) => {
  const [backup, ofVm] = [await backUp(node, 101), await backUp(node, 200)];
  const of = async (args: Record<string, unknown>) =>
    failure(await restore(node, { backup, ...args }));
  const over = { ctid: 101, overwrite: true, confirm_name: "web" };
  const missing = "local:backup/vzdump-lxc-101-2026_01_01-00_00_00.tar.zst";
  assert.deepEqual(await of({ ...over, backup: missing }), [
    "not_found",
    `Restoring container 101 failed: volume '${missing}' does not exist; ` +
    "container 101 still has a configuration and the disks local-lvm:vm-101-disk-0",
  ]);
  assert.equal((await of({ ...over, ctid: 102, confirm_name: "db" }))[0], "invalid_state");
  assert.equal((await of({ storage: "local" }))[0], "invalid_argument");
  assert.equal((await of({ backup: "local:backup/x.tar" }))[0], "invalid_argument");
  await node.pve.setFault("archiveDamaged", true);
  const [code, error] = await of({});
  assert.equal(code, "io_error");
  assert.match(error, /^Restoring container 100 failed: .*; nothing was left behind$/);
  const gone = await restore(node, { backup, ...over });
  assert.match(
    failure(gone)[1],
    /; nothing is left of container 101: its old disks were removed first$/,
  );
  assert.match(gone.data.suggestion, /backup\. The backup itself is unchanged$/);
  // A VM keeps a stub of its configuration.
  const stub = await restore(node, { backup: ofVm, vmid: 201 });
  assert.match(failure(stub)[1], /; left behind: its configuration$/);
  assert.match(stub.data.suggestion, /First remove VM 201: proxmox_destroy_vm$/);
  const overVm = { backup: ofVm, vmid: 200, overwrite: true, confirm_name: "app" };
  assert.match((await of(overVm))[1], /; VM 200 still has a configuration, but no disks$/);
});

nodeTest("a restore that is stopped before it removes the old disks names them", {
  containers: [{ ctid: 101, hostname: "web", status: "stopped" }],
}, async (node) => {
  const backup = await backUp(node, 101);
  await node.pve.setFault("taskHolds", 0);
  const args = { backup, ctid: 101, overwrite: true, confirm_name: "web" };
  const call = restore(node, args);
  await until("the new disk", async () => (await node.pve.disks()).includes("vm-101-disk-1"));
  const { data } = await node.call("proxmox_list_tasks", { state: "running" });
  await node.call("proxmox_stop_task", { upid: data.tasks[0].upid });
  const answer = await call;
  assert.deepEqual(await node.pve.disks(), ["vm-101-disk-0"]);
  assert.match(
    failure(answer)[1],
    /; container 101 has no configuration any more, but disks: local-lvm:vm-101-disk-0$/,
  );
});

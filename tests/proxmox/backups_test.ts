import assert from "node:assert/strict";
import { bothTest, failure, type Node, nodeTest } from "./node.ts";

const WEB = { ctid: 101, hostname: "web", status: "running" } as const;

const backup = (node: Node, vmid: number, args: Record<string, unknown> = {}) =>
  node.call("proxmox_backup", { vmid, ...args });

bothTest("proxmox_backup makes a backup that proxmox_list_backups shows", {
  containers: [WEB],
  vms: [{ vmid: 200, name: "vm", status: "stopped" }],
}, async (node) => {
  assert.deepEqual((await node.call("proxmox_list_backups")).data, { backups: [] });
  const { data, text } = await backup(node, 101);
  assert.match(data.volid, /^local:backup\/vzdump-lxc-101-.*\.tar\.zst$/);
  assert.deepEqual([data.success, data.storage, data.type, data.vmid], [true, "local", "lxc", 101]);
  assert.ok(data.size_bytes > 0);
  assert.match(text, /^\[SUCCESS\] Backup of 101 finished/);
  await backup(node, 200, { storage: "local", mode: "stop" });
  const all = (await node.call("proxmox_list_backups")).data.backups;
  assert.deepEqual(all.map((one: { vmid: number }) => one.vmid).toSorted(), [101, 200]);
  const one = (await node.call("proxmox_list_backups", { vmid: 101, storage: "local" })).data;
  assert.deepEqual(one.backups.map((one: { volid: string }) => one.volid), [data.volid]);
  const status = await node.call("proxmox_container_status", { ctid: 101 });
  assert.equal(status.data.status, "running");
});

nodeTest("proxmox_backup keeps older backups", { containers: [WEB] }, async (node) => {
  await backup(node, 101);
  const [line] = (await node.newCalls()).filter((call) => call.startsWith("vzdump"));
  assert.match(line ?? "", / --remove 0 /);
});

nodeTest("proxmox_backup says why it failed", {
  containers: [
    { ctid: 105, status: "stopped", lock: "snapshot" },
    { ctid: 106, status: "stopped" },
    { ctid: 300, status: "running", node: "pve2" },
  ],
}, async (node) => {
  const of = async (vmid: number, args = {}) => failure(await backup(node, vmid, args));
  assert.deepEqual(await of(105), ["locked", "Container 105 is locked (snapshot)"]);
  assert.deepEqual(await of(999), ["not_found", "Container 999 not found"]);
  assert.match((await of(300))[1], /^Container 300 is on the cluster node "pve2"/);
  assert.equal((await of(106, { storage: "nosuch" }))[0], "invalid_argument");
  assert.equal((await of(106, { storage: "local-lvm" }))[0], "invalid_argument");
  assert.equal((await of(106, { storage: "a/../b" }))[0], "invalid_argument");
  await node.pve.setFault("backupFails", [106]);
  const [code, error] = await of(106);
  assert.equal(code, "io_error");
  assert.match(error, /^The backup of 106 failed: command 'tar/);
});

nodeTest("proxmox_list_backups names a storage that is not there", {}, async (node) => {
  const [code, error] = failure(await node.call("proxmox_list_backups", { storage: "nosuch" }));
  assert.deepEqual([code, /storage 'nosuch' does not exist/.test(error)], [
    "invalid_argument",
    true,
  ]);
});

bothTest("proxmox_resource_usage answers real CPU values of the whole cluster", {
  containers: [WEB, { ctid: 300, hostname: "far", status: "running", node: "pve2" }],
  vms: [{ vmid: 200, name: "vm", status: "running" }],
}, async (node) => {
  const { data, text } = await node.call("proxmox_resource_usage");
  assert.deepEqual(data.nodes.map((one: { name: string }) => one.name), ["pve", "pve2"]);
  const [pve] = data.nodes;
  assert.deepEqual([pve.cpu_percent, pve.cpus, pve.uptime_seconds], [4.2, 8, 1_209_600]);
  assert.deepEqual([pve.network_in_per_second, pve.network_out_per_second], [121, 33]);
  assert.deepEqual(data.containers.map((one: { ctid: number }) => one.ctid), [101, 300]);
  const [web] = data.containers;
  assert.deepEqual(
    [web.cpu_percent, web.memory_used, web.memory_total, web.disk_used, web.network_in, web.node],
    [1.7, 52_428_800, 536_870_912, 1_234_567_890, 73_421, "pve"],
  );
  assert.deepEqual([data.vms[0].vmid, "disk_used" in data.vms[0]], [200, false]);
  const { uptime_seconds: vmUptime, ...vm } = data.vms[0];
  assert.ok(web.uptime_seconds >= 0 && web.uptime_seconds < 600 && vmUptime >= 0 && vmUptime < 600);
  assert.deepEqual([web.disk_total, web.network_out], [8_589_934_592, 1536]);
  assert.deepEqual([pve.memory_used, pve.memory_total], [9_663_676_416, 34_359_738_368]);
  assert.deepEqual([pve.disk_used, pve.disk_total], [11_811_160_064, 100_931_731_456]);
  assert.deepEqual(vm, {
    vmid: 200,
    name: "vm",
    status: "running",
    cpu_percent: 1.7,
    cpus: 2,
    memory_used: 367_001_600,
    memory_total: 2_147_483_648,
    disk_total: 34_359_738_368,
    node: "pve",
    network_in: 0,
    network_out: 0,
  });
  assert.match(text, /101 web \(running, pve\) · CPU 1\.7 % of 2 · memory 50\.0 MiB\/512\.0 MiB/);
  const one = (await node.call("proxmox_resource_usage", { vmid: 300 })).data;
  assert.deepEqual([one.nodes.length, one.containers.length, one.vms.length], [1, 1, 0]);
  assert.equal(failure(await node.call("proxmox_resource_usage", { vmid: 999 }))[0], "not_found");
});

import assert from "node:assert/strict";
import { bothTest, failure, nodeTest } from "../node.ts";

const WEB = { ctid: 101, hostname: "web", status: "running" } as const;

bothTest("proxmox_resource_usage returns real CPU values of the complete cluster", {
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

nodeTest("proxmox_resource_usage leaves out fields that cannot be read", {}, async (node) => {
  const entries = [
    '{"type":"node","id":"node/pve","node":"pve","status":"online","cpu":null,"uptime":NaN}',
    '{"type":"lxc","id":"lxc/101","vmid":101,"node":null,"name":null,"mem":"x","maxmem":5}',
    '{"type":"qemu","id":"qemu/250","vmid":null,"node":"pve2","status":null,"cpu":0.5}',
  ];
  await node.pve.setFault("pveshAnswers", { "/cluster/resources": `[${entries.join(",")}]` });
  const { data } = await node.call("proxmox_resource_usage");
  assert.deepEqual(data.nodes, [{
    name: "pve",
    status: "online",
    network_in_per_second: 121,
    network_out_per_second: 33,
  }]);
  assert.deepEqual(data.containers, [
    { ctid: 101, name: "CT101", status: "unknown", memory_total: 5 },
  ]);
  assert.deepEqual(data.vms, [
    { vmid: 250, name: "VM 250", status: "unknown", cpu_percent: 50, node: "pve2" },
  ]);
  const elsewhere = await node.call("proxmox_vm_status", { vmid: 250 });
  assert.match(failure(elsewhere)[1], /^VM 250 is on the cluster node "pve2"/);
});

nodeTest("the tools read pvesh's answer between lines of warnings", {
  containers: [WEB],
}, async (node) => {
  await node.pve.setFault("pveshNoise", {
    before: "WARNING: storage 'nas' is not online\n",
    after: '{"warning":"nas"}\n["nas"]\nlate\n',
  });
  assert.equal((await node.call("proxmox_resource_usage")).data.containers[0].ctid, 101);
  assert.deepEqual((await node.call("proxmox_list_backups")).data, { backups: [] });
  const args = { ctid: 101, snapshot: "one" };
  assert.equal((await node.call("proxmox_create_snapshot", args)).data.success, true);
  assert.equal((await node.call("proxmox_list_snapshots", { ctid: 101 })).data.snapshots.length, 1);
});

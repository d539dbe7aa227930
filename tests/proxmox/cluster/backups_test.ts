import assert from "node:assert/strict";
import { bothTest, failure, type Node, nodeTest } from "../node.ts";

const WEB = { ctid: 101, hostname: "web", status: "running" } as const;

const backup = (node: Node, vmid: number, args: Record<string, unknown> = {}) =>
  node.call("proxmox_backup", { vmid, ...args });

bothTest("proxmox_backup creates a backup that proxmox_list_backups lists", {
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

nodeTest("proxmox_backup reports the reason of a failure", {
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

nodeTest("proxmox_list_backups names a missing storage", {}, async (node) => {
  const [code, error] = failure(await node.call("proxmox_list_backups", { storage: "nosuch" }));
  assert.deepEqual([code, /storage 'nosuch' does not exist/.test(error)], [
    "invalid_argument",
    true,
  ]);
});

nodeTest("proxmox_list_backups lists what can be read, and names the storages that cannot", {
  containers: [WEB],
}, async (node) => {
  const { data: made } = await backup(node, 101);
  await node.pve.setFault("moreStorages", {
    empty: "",
    nas: "storage 'nas' is not online",
    off: "inactive",
  });
  const { data, text, isError } = await node.call("proxmox_list_backups");
  assert.equal(isError, false);
  assert.deepEqual(data.backups.map((one: { volid: string }) => one.volid), [made.volid]);
  assert.deepEqual(data.unreadable, [
    {
      storage: "nas",
      reason: `The backups on the storage "nas" cannot be read: storage 'nas' is not online`,
    },
    { storage: "off", reason: `The backups on the storage "off" cannot be read: it is not active` },
  ]);
  assert.match(text, /^\[WARNING\] The backups on the storage "nas" cannot be read/m);
  const [code, error] = failure(await node.call("proxmox_list_backups", { storage: "nas" }));
  assert.deepEqual([code, /'nas' is not online/.test(error)], ["io_error", true]);
  const { data: another } = await backup(node, 101);
  assert.equal(another.storage, "local");
});

nodeTest("proxmox_list_backups fails if no storage can be read", {}, async (node) => {
  await node.pve.setFault("pveshAnswers", {
    "/nodes/localhost/storage": '[{"storage":"a","content":"backup","active":0},' +
      '{"storage":"b","content":"backup","active":0}]',
  });
  const [code, error] = failure(await node.call("proxmox_list_backups"));
  assert.deepEqual([code, /"a" cannot be read.*"b" cannot be read/.test(error)], [
    "io_error",
    true,
  ]);
});

nodeTest("proxmox_backup reports the path of an archive outside of the storages", {
  containers: [WEB],
}, async (node) => {
  await node.pve.setFault("dumpdir", node.dir);
  const { data, text, isError } = await backup(node, 101);
  assert.equal(isError, false, text);
  const [name] = Array.from(Deno.readDirSync(node.dir), ({ name }) => name);
  const path = `${node.dir}/${name}`;
  assert.deepEqual([data.success, data.path, data.vmid, data.type, data.size_bytes], [
    true,
    path,
    101,
    "lxc",
    (await Deno.stat(path)).size,
  ]);
  assert.deepEqual(["volid" in data, "storage" in data, "warnings" in data], [false, false, false]);
  assert.equal(text.split("\n")[0], `[SUCCESS] Backup of 101 finished: ${path}`);
});

nodeTest("proxmox_backup never calls a finished backup a failure of reading it", {
  containers: [WEB],
}, async (node) => {
  await node.pve.setFault("pveshAnswers", { "/nodes/localhost/storage": "no JSON" });
  const { data, isError } = await backup(node, 101);
  assert.deepEqual([isError, data.success], [false, true]);
  assert.match(data.path, /^\/var\/lib\/vz\/dump\/vzdump-lxc-101-/);
  assert.match(data.warnings[0], /^The backup is done, but its archive could not be looked at: /);
});

nodeTest("proxmox_backup does not claim an archive that does not exist", {
  containers: [WEB],
}, async (node) => {
  await node.pve.setFault("pveshAnswers", { "/nodes/localhost/storage/local/content": "[]" });
  const [code, error] = failure(await backup(node, 101));
  assert.deepEqual([code, /its archive is on no storage/.test(error)], [
    "verification_failed",
    true,
  ]);
});

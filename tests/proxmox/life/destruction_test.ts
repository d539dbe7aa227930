import assert from "node:assert/strict";
import { failure, type Node, nodeTest } from "../node.ts";

const destroy = (node: Node, args: Record<string, unknown>) =>
  node.call("proxmox_destroy_container", args);

nodeTest("a guest is destroyed only if it is the one that was meant", {
  containers: [
    { ctid: 101, hostname: "web", status: "stopped" },
    { ctid: 102, hostname: "db", status: "running" },
    { ctid: 103, hostname: "kept", status: "stopped", config: { protection: 1 } },
    { ctid: 104, status: "stopped", lock: "backup" },
    { ctid: 105, hostname: "far", status: "stopped", node: "pve2" },
    { ctid: 106, hostname: "copied", status: "stopped" },
  ],
  vms: [{ vmid: 200, name: "app", status: "running" }, { vmid: 201, status: "stopped" }],
}, async (node) => {
  const of = async (args: Record<string, unknown>) => failure(await destroy(node, args));
  assert.deepEqual(await of({ ctid: 101, confirm_name: "db" }), [
    "invalid_argument",
    "confirm_name is not the name of container 101: nothing was changed",
  ]);
  assert.deepEqual(await of({ ctid: 102, confirm_name: "db" }), [
    "invalid_state",
    "Container 102 is running: it must be stopped first",
  ]);
  assert.deepEqual(await of({ ctid: 103, confirm_name: "kept" }), [
    "not_permitted",
    "Container 103 is protected: its protection is on",
  ]);
  assert.deepEqual(await of({ ctid: 104, confirm_name: "CT104" }), [
    "locked",
    "Container 104 is locked (backup)",
  ]);
  assert.equal((await of({ ctid: 105, confirm_name: "far" }))[0], "unsupported");
  assert.equal((await of({ ctid: 200, confirm_name: "app" }))[0], "invalid_argument");
  assert.equal((await of({ ctid: 999, confirm_name: "x" }))[0], "not_found");
  assert.equal((await of({ ctid: 101 }))[0], "invalid_argument");
  await node.pve.setFault("noQuorum", true);
  assert.equal((await of({ ctid: 101, confirm_name: "web" }))[0], "invalid_state");
  await node.pve.setFault("noQuorum", undefined);
  await node.pve.setFault("replicated", [106]);
  assert.match((await of({ ctid: 106, confirm_name: "copied" }))[1], /has replication jobs/);
  assert.equal(
    (await destroy(node, { ctid: 106, confirm_name: "copied", purge: true })).isError,
    false,
  );
  assert.deepEqual((await node.newCalls()).filter((call) => / destroy (?!106)/.test(call)), []);
  await node.call("proxmox_backup", { vmid: 101 });
  await node.pve.setFault("backupJobs", [{ id: "backup-1", vmid: "100,101" }]);
  const { data, text, isError } = await destroy(node, { ctid: 101, confirm_name: "web" });
  assert.equal(isError, false, text);
  assert.match(data.left[0], /^backup local:backup\/vzdump-lxc-101-/);
  assert.deepEqual(data.left.slice(1), ["entry in the backup job backup-1"]);
  assert.deepEqual(await node.pve.state(101), undefined);
  // A restore that was killed may leave a guest without a name: only the list shows what it is called.
  const unnamed = await node.call("proxmox_destroy_vm", { vmid: 201, confirm_name: "" });
  assert.match(unnamed.data.suggestion, /^Read its name with proxmox_list_vms /);
  const listed = await node.call("proxmox_list_vms");
  assert.equal(listed.data.vms.at(-1).name, "VM 201");
  const vm = await node.call("proxmox_destroy_vm", { vmid: 201, confirm_name: "VM 201" });
  assert.deepEqual([vm.isError, vm.data.left], [false, []], vm.text);
});

nodeTest("a template whose disks linked clones use is not destroyed", {
  containers: [{ ctid: 101, hostname: "base", status: "stopped", template: true }],
  vms: [{ vmid: 200, name: "image", status: "stopped", template: true }],
}, async (node) => {
  await node.pve.setFault("linkedClones", [101, 200]);
  const used = (name: string) => [
    "invalid_state",
    `${name} is a template whose disks are used by linked clones`,
  ];
  const container = await destroy(node, { ctid: 101, confirm_name: "base" });
  assert.deepEqual(failure(container), used("Container 101"));
  const vm = await node.call("proxmox_destroy_vm", { vmid: 200, confirm_name: "image" });
  assert.deepEqual(failure(vm), used("VM 200"));
});

nodeTest("what could not be read after a destruction is named", {
  containers: [{ ctid: 101, hostname: "web", status: "stopped" }],
}, async (node) => {
  await node.pve.setFault("pveshAnswers", {
    "/nodes/localhost/storage/local/content": "not JSON",
    "/cluster/backup": "not JSON",
  });
  const { data, text, isError } = await destroy(node, { ctid: 101, confirm_name: "web" });
  assert.equal(isError, false, text);
  assert.deepEqual(data.left, []);
  assert.match(data.warnings.join("\n"), /^Backups on local may be left: /m);
  assert.match(data.warnings.join("\n"), /^Entries in backup jobs may be left: /m);
});

for (const version of [7, 9] as const) {
  nodeTest(`disks that could not be removed are named (Proxmox VE ${version})`, {
    version,
    containers: [{ ctid: 101, hostname: "web", status: "stopped" }],
    vms: [{ vmid: 200, name: "app", status: "stopped" }],
  }, async (node) => {
    await node.pve.setFault("volumeStays", [101, 200]);
    const [code, error] = failure(await destroy(node, { ctid: 101, confirm_name: "web" }));
    assert.equal(code, "io_error");
    assert.match(error, /; left: its configuration, local-lvm:vm-101-disk-0$/);
    // Of a VM the program exits with 0.
    const { data, text, isError } = await node.call("proxmox_destroy_vm", {
      vmid: 200,
      confirm_name: "app",
    });
    assert.equal(isError, false, text);
    assert.deepEqual(data.left, [
      "disk local-lvm:vm-200-disk-0 (free it with: pvesm free local-lvm:vm-200-disk-0)",
    ]);
  });
}

nodeTest(
  "a guest that is replaced after its name was confirmed is neither destroyed nor overwritten",
  {
    containers: [{ ctid: 101, hostname: "web", status: "stopped" }],
    vms: [{ vmid: 200, name: "app", status: "stopped" }],
  },
  async (node) => {
    const { data } = await node.call("proxmox_backup", { vmid: 101, storage: "local" });
    const changed = (name: string) => [
      "changed",
      `${name} was changed or replaced after its name was confirmed: nothing was destroyed`,
    ];
    await node.pve.setFault("renamedMeanwhile", { id: 101, key: "hostname", name: "other" });
    const meant = { ctid: 101, confirm_name: "web" };
    assert.deepEqual(failure(await destroy(node, meant)), changed("Container 101"));
    await node.pve.setFault("renamedMeanwhile", { id: 101, key: "hostname", name: "third" });
    const over = { ...meant, confirm_name: "other", backup: data.volid, overwrite: true };
    const restored = failure(await node.call("proxmox_restore_backup", over));
    assert.deepEqual(restored, changed("Container 101"));
    await node.pve.setFault("renamedMeanwhile", { id: 200, key: "name", name: "other" });
    const vm = await node.call("proxmox_destroy_vm", { vmid: 200, confirm_name: "app" });
    assert.deepEqual(failure(vm), changed("VM 200"));
    await node.pve.setFault("renamedMeanwhile", undefined);
    const calls = await node.newCalls();
    assert.deepEqual(calls.filter((call) => / destroy | restore /.test(call)), []);
    assert.deepEqual(await node.pve.disks(), ["vm-101-disk-0", "vm-200-disk-0"]);
  },
);

import assert from "node:assert/strict";
import { FakeClock } from "../../support/fake_clock.ts";
import type { Progress } from "../../../src/mcp/tool.ts";
import { bothTest, failure, type Node, nodeTest } from "../node.ts";

const WEB = { vmid: 200, name: "web", status: "running" } as const;
const IDLE = { vmid: 201, status: "stopped" } as const;
const AGENT = { vmid: 202, name: "app", status: "running", agent: true } as const;

/** Every tool that takes the ID of a VM. */
const VM_TOOLS = ["vm_status", "vm_config", "start_vm", "stop_vm", "shutdown_vm"]
  .concat(["reboot_vm", "vm_exec_command"]);

const call = (
  node: Node,
  verb: string,
  vmid: number,
  args: Record<string, unknown> = {},
  progress?: (step: Progress) => void,
) => node.call(`proxmox_${verb}`, { vmid, ...args }, progress === undefined ? {} : { progress });

bothTest("proxmox_list_vms returns names with blanks, and an empty list", {}, async (node) => {
  assert.deepEqual((await node.call("proxmox_list_vms")).data, { vms: [] });
  await node.pve.addVm(WEB);
  await node.pve.addVm(IDLE);
  const { data, text } = await node.call("proxmox_list_vms");
  assert.deepEqual(data.vms.map((vm: Record<string, unknown>) => ({ ...vm, pid: typeof vm.pid })), [
    {
      vmid: 200,
      name: "web",
      status: "running",
      memory_mb: 2048,
      bootdisk_gb: 32,
      pid: "number",
    },
    {
      vmid: 201,
      name: "VM 201",
      status: "stopped",
      memory_mb: 2048,
      bootdisk_gb: 32,
      pid: "undefined",
    },
  ]);
  assert.match(text, /VM 201/);
});

bothTest("proxmox_start_vm, shutdown and stop change the state, and fail in the wrong state", {
  vms: [WEB, IDLE],
}, async (node) => {
  assert.deepEqual((await call(node, "vm_status", 201)).data, { status: "stopped" });
  for (const verb of ["stop_vm", "shutdown_vm", "reboot_vm"]) {
    const answer = await call(node, verb, 201);
    assert.deepEqual(failure(answer), ["invalid_state", "VM 201 is not running"]);
    const remedy = verb === "reboot_vm" ? /^Start it first/ : /there is nothing to stop$/;
    assert.match(answer.data.suggestion, remedy);
  }
  const started = await call(node, "start_vm", 201);
  assert.deepEqual(started.data, {
    success: true,
    message: "VM 201 started successfully",
    vmid: 201,
  });
  const again = failure(await call(node, "start_vm", 201));
  assert.deepEqual(again, ["invalid_state", "VM 201 is already running"]);
  assert.equal((await call(node, "stop_vm", 201)).data.success, true);
  assert.equal((await call(node, "vm_status", 201)).data.status, "stopped");
  await node.pve.setFault("shutdownHangs", [200]);
  assert.equal(failure(await call(node, "shutdown_vm", 200))[0], "timeout");
  assert.equal((await call(node, "vm_status", 200)).data.status, "running");
  const forced = await call(node, "shutdown_vm", 200, { force_stop: true });
  assert.equal(forced.data.success, true);
});

bothTest("proxmox_reboot_vm waits until the VM has been started again", {
  vms: [WEB, AGENT],
}, async (node) => {
  const init = await node.pve.initPid(202);
  const rebooted = await call(node, "reboot_vm", 202, { timeout: 30 });
  assert.deepEqual(rebooted.data, {
    success: true,
    message: "VM 202 rebooted successfully",
    vmid: 202,
  });
  assert.notEqual(await node.pve.initPid(202), init);
  assert.ok((await node.newCalls()).includes("qm reboot 202 --timeout 30"));
  await node.pve.setFault("changesHold", true);
  let released: Promise<void> | undefined;
  const slow = await call(node, "reboot_vm", 200, {}, ({ message }) => {
    if (message !== "Rebooting VM 200: waiting for its start") return;
    released ??= node.pve.setFault("changesHold", undefined);
  });
  assert.equal(slow.data.success, true);
  assert.ok(released);
  await released;
  assert.equal((await call(node, "vm_status", 200)).data.status, "running");
});

nodeTest("proxmox_reboot_vm reports a VM that did not stop, restart or start again", {
  vms: [WEB],
  clock: new FakeClock({ skipUpToMs: Infinity }),
}, async (node) => {
  await node.pve.setFault("shutdownHangs", [200]);
  const hung = await call(node, "reboot_vm", 200);
  assert.deepEqual(failure(hung), [
    "timeout",
    "VM 200 did not shut down in time; it is still running",
  ]);
  assert.equal(hung.data.suggestion, "Raise timeout, or kill it with proxmox_stop_vm");
  assert.equal((await call(node, "vm_status", 200)).data.status, "running");
  await node.pve.setFault("shutdownHangs", undefined);
  await node.pve.setFault("rebootDoesNothing", [200]);
  assert.deepEqual(failure(await call(node, "reboot_vm", 200)), [
    "verification_failed",
    "Rebooting VM 200 was reported as done, but VM 200 is running as before",
  ]);
  await node.pve.setFault("rebootDoesNothing", undefined);
  await node.pve.setFault("restartDelayMs", 3_600_000);
  assert.deepEqual(failure(await call(node, "reboot_vm", 200, { timeout: 1 })), [
    "verification_failed",
    "Rebooting VM 200 was reported as done, but VM 200 is stopped",
  ]);
});

nodeTest("proxmox_reboot_vm names a lock", { vms: [{ ...WEB, lock: "backup" }] }, async (node) => {
  const answer = failure(await call(node, "reboot_vm", 200));
  assert.deepEqual(answer, ["locked", "VM 200 is locked (backup)"]);
});

nodeTest("proxmox_vm_config returns the decoded options", {
  vms: [{ ...WEB, config: { description: "first\nsécond: 50 %", tags: "a;b", onboot: 1 } }],
}, async (node) => {
  const { data, text } = await call(node, "vm_config", 200);
  assert.deepEqual(data, {
    vmid: 200,
    config: {
      boot: "order=scsi0",
      cores: "2",
      description: "first\nsécond: 50 %",
      memory: "2048",
      name: "web",
      onboot: "1",
      ostype: "l26",
      scsi0: "local-lvm:vm-200-disk-0,size=32G",
      tags: "a;b",
    },
  });
  assert.match(text, /^Configuration of VM 200\nboot: order=scsi0\ncores: 2\n/);
  const json = await call(node, "vm_config", 200, { response_format: "json" });
  assert.deepEqual(JSON.parse(json.text), data);
  assert.deepEqual(await node.newCalls(), ["qm config 200", "qm config 200"]);
});

nodeTest("proxmox_start_vm, shutdown and stop wait until HA has carried it out", {
  vms: [{ ...IDLE, ha: true }],
}, async (node) => {
  for (const verb of ["start_vm", "shutdown_vm", "start_vm", "stop_vm"]) {
    const { data } = await call(node, verb, 201);
    assert.deepEqual([data.success, data.by_ha], [true, true], verb);
  }
  assert.equal((await call(node, "vm_status", 201)).data.status, "stopped");
});

nodeTest("every tool for VMs reports a missing one, a container and another node", {
  containers: [{ ctid: 101, status: "running" }],
  vms: [{ vmid: 300, status: "running", node: "pve2" }],
}, async (node) => {
  for (const verb of VM_TOOLS) {
    const args = verb === "vm_exec_command" ? { command: "true" } : {};
    const of = async (vmid: number) => failure(await call(node, verb, vmid, args));
    assert.deepEqual(await of(999), ["not_found", "VM 999 not found"], verb);
    assert.deepEqual(await of(101), [
      "invalid_argument",
      "101 is a container, not a virtual machine",
    ], verb);
    assert.match((await of(300))[1], /cluster node "pve2"/, verb);
  }
});

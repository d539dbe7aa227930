import assert from "node:assert/strict";
import { failure, nodeTest } from "../node.ts";

const WEB = {
  ctid: 101,
  hostname: "web",
  status: "stopped",
  config: {
    net0: "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:AA:BB:CC,ip=10.0.0.5/24,gw=10.0.0.1,type=veth",
    onboot: 1,
    protection: 1,
  },
} as const;

nodeTest("guests are cloned, and what they share is told (Proxmox VE 7)", {
  version: 7,
  containers: [WEB, { ctid: 102, status: "running", hostname: "busy" }],
  vms: [{ vmid: 200, name: "app", status: "running" }],
}, async (node) => {
  const clone = (args: Record<string, unknown>) => node.call("proxmox_clone_container", args);
  const { data, text, isError } = await clone({ ctid: 101, name: "copy", full: true });
  assert.equal(isError, false, text);
  const { hostname, rootfs, net0 } = data.config;
  assert.deepEqual([data.ctid, data.status, hostname, rootfs], [
    ...[100, "stopped", "copy", "local-lvm:vm-100-disk-0,size=8G"],
  ]);
  assert.doesNotMatch(net0, /AA:BB:CC/);
  assert.deepEqual(data.warnings.filter((text: string) => !/nesting/.test(text)), [
    "It has the fixed address 10.0.0.5/24 of container 101: change it before both run",
    "It starts on boot, like container 101",
    "Its protection is on, like that of container 101",
    "Its SSH host keys and passwords are those of container 101",
  ]);
  const of = async (args: Record<string, unknown>) => failure(await clone(args));
  assert.deepEqual(await of({ ctid: 101, new_id: 200 }), [
    "already_exists",
    "The ID 200 is taken by another guest",
  ]);
  assert.deepEqual(await of({ ctid: 999 }), ["not_found", "Container 999 not found"]);
  assert.match((await of({ ctid: 200 }))[1], /^200 is a virtual machine/);
  const running = await clone({ ctid: 102 });
  assert.equal(running.data.code, "invalid_state");
  assert.match(running.data.suggestion, /proxmox_shutdown_container, or pass .* as snapshot/);
  const missing = await of({ ctid: 101, snapshot: "before" });
  assert.equal(missing[0], "not_found");
  assert.match(missing[1], /Snapshot "before" of container 101 not found/);
  assert.deepEqual((await of({ ctid: 101, full: false }))[0], "unsupported");
  assert.equal((await of({ ctid: 101, storage: "nosuch" }))[0], "invalid_argument");
  const vm = await node.call("proxmox_clone_vm", { vmid: 200, name: "app2", new_id: 300 });
  assert.deepEqual([vm.isError, vm.data.vmid, vm.data.config.name], [false, 300, "app2"]);
  assert.equal(
    failure(await node.call("proxmox_clone_vm", { vmid: 200, new_id: 101 }))[0],
    "already_exists",
  );
  await node.pve.setFault("storageFull", ["local-lvm"]);
  const [code, error] = await of({ ctid: 101 });
  assert.equal(code, "io_error");
  assert.match(
    error,
    /^Cloning container 101 to container 103 failed: .*; nothing was left behind$/,
  );
  assert.deepEqual((await node.pve.disks()).filter((name) => /103/.test(name)), []);
});

nodeTest("a template is cloned linked, and a locked source is named", {
  containers: [
    { ctid: 900, hostname: "base", status: "stopped", template: true },
    { ctid: 901, status: "stopped", lock: "disk" },
  ],
}, async (node) => {
  const { data, isError } = await node.call("proxmox_clone_container", { ctid: 900, name: "web" });
  assert.deepEqual([isError, data.config.template], [false, undefined]);
  assert.deepEqual(failure(await node.call("proxmox_clone_container", { ctid: 901 })), [
    "locked",
    "Container 901 is locked (disk)",
  ]);
});

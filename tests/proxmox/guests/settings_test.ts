import assert from "node:assert/strict";
import { withOldIdentity } from "../../../src/proxmox/guests/network_device.ts";
import { parsePending } from "../../../src/proxmox/parsers/pending.ts";
import { pure } from "../../support/pure.ts";
import { bothTest, failure, nodeTest } from "../node.ts";

const NET = "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:AA:BB:CC,ip=dhcp,type=veth";
const WEB = { ctid: 101, hostname: "web", status: "running", config: { net0: NET } } as const;
const IDLE = { ctid: 102, status: "stopped" } as const;
const LOCKED = { ctid: 103, status: "stopped", lock: "backup" } as const;
const APP = {
  vmid: 200,
  name: "app",
  status: "running",
  config: { net0: "virtio=BC:24:11:00:00:01,bridge=vmbr0" },
} as const;

pure("parsePending() tells current, new and removed values apart", () => {
  const text = "cur cores: 2\nnew cores: 4\ndel net1: x\nnew swap: 0\n" +
    "cur description: a%0Ab%0A\nnew description: %C3%A9%0A\nnoise\n";
  assert.deepEqual(Object.fromEntries(parsePending(text)), {
    cores: { current: "2", next: "4" },
    net1: { current: "x", isRemoved: true },
    swap: { next: "0" },
    description: { current: "a\nb", next: "é" },
  });
});

pure("withOldIdentity() keeps the MAC address and the name, unless new ones are given", () => {
  assert.equal(
    withOldIdentity("container", "bridge=vmbr1", NET),
    "bridge=vmbr1,name=eth0,hwaddr=BC:24:11:AA:BB:CC",
  );
  const full = "name=lan,hwaddr=BC:24:11:00:00:09";
  assert.equal(withOldIdentity("container", full, NET), full);
  assert.equal(withOldIdentity("container", "name=eth0", undefined), "name=eth0");
  const old = APP.config.net0;
  assert.equal(
    withOldIdentity("vm", "e1000,bridge=vmbr1", old),
    "e1000=BC:24:11:00:00:01,bridge=vmbr1",
  );
  assert.equal(
    withOldIdentity("vm", "model=e1000,bridge=vmbr1", old),
    "model=e1000,bridge=vmbr1,macaddr=BC:24:11:00:00:01",
  );
  const other = "virtio=BC:24:11:00:00:02,bridge=vmbr1";
  assert.equal(withOldIdentity("vm", other, old), other);
});

bothTest("proxmox_set_container shows before and after", { containers: [WEB] }, async (node) => {
  const settings = {
    cores: 4,
    memory: 2048,
    swap: 0,
    description: "-- two\nlines: é",
    tags: ["Web", "prod"],
    onboot: true,
    protection: true,
    net0: "bridge=vmbr0,ip=198.51.100.9/24,gw=198.51.100.1,tag=20",
    net1: "name=eth1,bridge=vmbr0,ip=dhcp",
  };
  const { data, text } = await node.call("proxmox_set_container", { ctid: 101, settings });
  const { net0, net1, ...after } = data.after;
  assert.deepEqual(after, {
    cores: "4",
    memory: "2048",
    swap: "0",
    description: "-- two\nlines: é",
    tags: "prod;web",
    onboot: "1",
    protection: "1",
  });
  for (const part of ["hwaddr=BC:24:11:AA:BB:CC", "name=eth0", "tag=20", "ip=198.51.100.9/24"]) {
    assert.ok(net0.split(",").includes(part), net0);
  }
  assert.match(net1, /name=eth1/);
  assert.deepEqual(data.before, { cores: "2", memory: "512", swap: "512", net0: NET });
  assert.deepEqual([data.success, data.ctid, data.pending], [true, 101, []]);
  assert.match(text, /^cores: 2 -> 4$/m);
  const removed = { ctid: 101, settings: { net1: null, description: "", net7: null } };
  const less = (await node.call("proxmox_set_container", removed)).data;
  assert.deepEqual(less.after, {});
  assert.deepEqual(Object.keys(less.before), ["net1", "description"]);
  const { config } = (await node.call("proxmox_container_config", { ctid: 101 })).data;
  assert.deepEqual([config.net1, config.description, config.cores], [undefined, undefined, "4"]);
});

bothTest("proxmox_set_vm says what waits for a restart", { vms: [APP] }, async (node) => {
  const settings = { cores: 8, memory: 4096, tags: ["db"], net0: "e1000,bridge=vmbr0" };
  const { data, text } = await node.call("proxmox_set_vm", { vmid: 200, settings });
  assert.deepEqual(data, {
    success: true,
    vmid: 200,
    before: { cores: "2", memory: "2048", net0: APP.config.net0 },
    after: {
      cores: "8",
      memory: "4096",
      tags: "db",
      net0: "e1000=BC:24:11:00:00:01,bridge=vmbr0",
    },
    pending: ["cores", "memory"],
  });
  assert.match(text, /^cores: 2 -> 8 \(after a restart\)$/m);
  assert.equal((await node.call("proxmox_reboot_vm", { vmid: 200 })).data.success, true);
  assert.equal((await node.call("proxmox_vm_status", { vmid: 200 })).data.status, "running");
  const again = (await node.call("proxmox_set_vm", { vmid: 200, settings: { cores: 8 } })).data;
  assert.deepEqual([again.before, again.pending], [{ cores: "8" }, []]);
});

nodeTest("proxmox_set_container and proxmox_set_vm refuse, and leave the guest as it is", {
  containers: [WEB, IDLE, LOCKED],
  vms: [APP],
}, async ({ call, pve, newCalls }) => {
  const set = (ctid: number, settings: unknown) =>
    call("proxmox_set_container", { ctid, settings });
  for (
    const odd of [{}, { cors: 1 }, { cores: 0 }, { net0: "" }, { tags: ["a b"] }, { net32: "x" }]
  ) {
    assert.equal(failure(await set(101, odd))[0], "invalid_argument", JSON.stringify(odd));
  }
  const swap = await call("proxmox_set_vm", { vmid: 200, settings: { swap: 1 } });
  assert.equal(failure(swap)[0], "invalid_argument");
  assert.deepEqual(await newCalls(), []);
  assert.deepEqual(failure(await set(999, { cores: 1 })), ["not_found", "Container 999 not found"]);
  assert.equal(failure(await set(200, { cores: 1 }))[0], "invalid_argument");
  assert.equal(failure(await set(103, { cores: 1 }))[0], "locked");
  const [code, error] = failure(await set(102, { net0: "name=eth0,bridge=vmbr0,ip=10.0.0.5" }));
  assert.equal(code, "invalid_argument");
  assert.match(error, /net0/);
  await pve.setFault("noQuorum", true);
  assert.equal(failure(await set(102, { cores: 1 }))[0], "invalid_state");
  const vm = await call("proxmox_set_vm", { vmid: 200, settings: { onboot: true } });
  assert.match(failure(vm)[1], /no quorum/);
  await pve.setFault("noQuorum", undefined);
  await pve.setFault("setDoesNothing", true);
  assert.deepEqual(failure(await set(102, { cores: 7 })), [
    "verification_failed",
    "The change was reported as done, but container 102 has other values of cores",
  ]);
});

nodeTest("a change that fails in part says what was changed all the same", {
  containers: [WEB],
  vms: [APP],
}, async ({ call, pve }) => {
  await pve.setFault("hotplugFails", "net0");
  const device = { vmid: 200, settings: { tags: ["new"], net0: "virtio,bridge=vmbr0,tag=5" } };
  assert.match(
    failure(await call("proxmox_set_vm", device))[1],
    /net0: hotplug problem.*; changed all the same: (net0, tags|tags, net0)$/,
  );
  const whole = { ctid: 101, settings: { cores: 3, net0: "bridge=vmbr0" } };
  const [code, error] = failure(await call("proxmox_set_container", whole));
  assert.equal(code, "invalid_argument");
  assert.doesNotMatch(error, /changed all the same/);
  const { config } = (await call("proxmox_container_config", { ctid: 101 })).data;
  assert.equal(config.cores, "2");
});

nodeTest("a change that fails in part is named also where Proxmox VE writes the rest (7)", {
  version: 7,
  containers: [WEB],
}, async ({ call, pve }) => {
  await pve.setFault("hotplugFails", "memory");
  const both = { ctid: 101, settings: { cores: 3, memory: 2048 } };
  const [code, error] = failure(await call("proxmox_set_container", both));
  assert.equal(code, "invalid_argument");
  assert.match(error, /memory: unable to hotplug memory.*; changed all the same: cores, memory$/);
  await pve.setFault("hotplugFails", undefined);
  const { data } = await call("proxmox_set_container", { ctid: 101, settings: { cores: 3 } });
  assert.deepEqual([data.before, data.after], [{ cores: "3" }, { cores: "3" }]);
});

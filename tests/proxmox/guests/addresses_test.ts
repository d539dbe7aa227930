import assert from "node:assert/strict";
import { parseGuestAddresses } from "../../../src/proxmox/guests/addresses.ts";
import { pure } from "../../support/pure.ts";
import { bothTest, nodeTest } from "../node.ts";
import { writeExecutable } from "../../support/executable.ts";

pure("parseGuestAddresses() reads both forms, and nothing that is no address", () => {
  const links = JSON.stringify([
    { name: "lo", "ip-addresses": [{ "ip-address": "127.0.0.1" }, { "ip-address": "::1" }] },
    { name: "ens18", "ip-addresses": [{ "ip-address": "10.0.0.5" }, { "ip-address": "fe80::1" }] },
    { name: "ens19" },
    { name: "docker0", "ip-addresses": [{ "ip-address": "172.17.0.1" }, { "ip-address": "x y" }] },
  ]);
  const found = parseGuestAddresses([
    "101        running                 =900 1.2.3.4",
    "=101 10.0.0.7",
    "=101 2001:db8::7",
    "=101 a name",
    "=102 ",
    `=200 ${links}`,
    '=201 {"error":1}',
  ].join("\n"));
  assert.deepEqual([...found], [
    [101, ["10.0.0.7", "2001:db8::7"]],
    [200, ["10.0.0.5", "172.17.0.1"]],
    [201, []],
  ]);
});

bothTest("the lists and the status of guests have the addresses of those that run", {
  containers: [
    { ctid: 101, hostname: "web", status: "running" },
    { ctid: 102, hostname: "idle", status: "stopped" },
    {
      ctid: 103,
      hostname: "db",
      status: "running",
      config: { net0: "name=eth0,bridge=vmbr0,ip=198.51.100.9/24" },
    },
  ],
  vms: [
    { vmid: 200, name: "app", status: "running", agent: true, config: { net0: "virtio" } },
    { vmid: 201, name: "plain", status: "running", config: { net0: "virtio" } },
  ],
}, async ({ call }) => {
  const addressesOf = async (tool: string, args = {}) => {
    const { data } = await call(tool, args);
    return (data.containers ?? data.vms).map((row: Record<string, unknown>) => row.addresses);
  };
  assert.deepEqual(await addressesOf("proxmox_list_containers"), [
    ["192.0.2.101"],
    undefined,
    ["198.51.100.9"],
  ]);
  assert.deepEqual(await addressesOf("proxmox_list_vms"), [undefined, undefined]);
  assert.deepEqual(await addressesOf("proxmox_list_vms", { addresses: true }), [
    ["192.0.2.200"],
    undefined,
  ]);
  const { text, data } = await call("proxmox_vm_status", { vmid: 200 });
  assert.deepEqual([text, data], [
    "VM 200 is running (192.0.2.200)",
    { status: "running", addresses: ["192.0.2.200"] },
  ]);
  assert.deepEqual((await call("proxmox_vm_status", { vmid: 201 })).data, { status: "running" });
  assert.deepEqual((await call("proxmox_container_status", { ctid: 102 })).data, {
    status: "stopped",
  });
});

nodeTest("a list without programs for addresses is a list without addresses", {
  containers: [{ ctid: 101, hostname: "web", status: "running" }],
}, async ({ pve, call }) => {
  writeExecutable(`${pve.binDirectory}/lxc-info`, "#!/bin/sh\nexit 127\n");
  const { data } = await call("proxmox_list_containers");
  assert.deepEqual(data.containers, [{ ctid: 101, status: "running", name: "web" }]);
});

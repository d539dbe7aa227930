import assert from "node:assert/strict";
import { bothTest, failure, nodeTest } from "../node.ts";

bothTest(
  "proxmox_list_networks returns bridges, bonds, VLANs and addresses in use",
  {},
  async (node) => {
    const { data, text } = await node.call("proxmox_list_networks");
    const none = { addresses: [], configured: [], gateways: [], ports: [] };
    assert.deepEqual(data, {
      networks: [
        {
          ...none,
          name: "bond0",
          type: "bond",
          status: "inactive",
          method: "manual",
          ports: ["eno2", "eno3"],
          bond_mode: "802.3ad",
        },
        { ...none, name: "eno1", type: "eth", status: "active", method: "manual" },
        {
          name: "vmbr0",
          type: "bridge",
          status: "active",
          method: "static",
          addresses: ["192.0.2.10/24"],
          configured: ["192.0.2.10/24"],
          gateways: ["192.0.2.1"],
          ports: ["eno1"],
          vlans: "2-4094",
          comment: "LAN",
        },
        {
          ...none,
          name: "vmbr0.20",
          type: "vlan",
          status: "active",
          method: "dhcp",
          addresses: ["198.51.100.77/24"],
          vlan_id: 20,
          vlan_device: "vmbr0",
          mtu: 1400,
        },
        { ...none, name: "lab", type: "vnet", status: "active" },
      ],
    });
    assert.match(
      text,
      /vmbr0 \(bridge, active, static\) · addresses 192\.0\.2\.10\/24 · configured/,
    );
  },
);

nodeTest("proxmox_list_networks says what is missing", {}, async ({ pve, call }) => {
  await pve.setFault("linksUnreadable", true);
  const { data, text } = await call("proxmox_list_networks");
  assert.deepEqual(data.warnings, [
    "The addresses in use are missing: Reading the networks failed: RTNETLINK answers: No buffer space available",
  ]);
  assert.equal(data.networks[0].addresses, undefined);
  assert.match(text, /\[WARNING\] The addresses in use are missing/);
  await pve.setFault("notRoot", true);
  assert.equal(failure(await call("proxmox_list_networks"))[0], "not_permitted");
});

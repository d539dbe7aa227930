/**
 * What a node says of itself besides its guests: networks, updates, certificates, failed units. Sources: pve-manager
 * 14a22df PVE/API2/Network.pm, APT.pm, Certificates.pm; the fields of networks are those that the parser of
 * pve-common f665029 src/PVE/INotify.pm made of an interfaces file (run).
 */
import { fail, out } from "./cli.mjs";
import { fault, node } from "./state.mjs";

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
const now = () => Math.floor(Date.now() / 1000);

const NETWORKS = [
  {
    active: 1,
    exists: 1,
    families: ["inet"],
    iface: "eno1",
    method: "manual",
    method6: "manual",
    priority: 3,
    type: "eth",
  },
  {
    active: 1,
    address: "192.0.2.10",
    autostart: 1,
    bridge_fd: "0",
    bridge_ports: "eno1",
    bridge_stp: "off",
    bridge_vids: "2-4094",
    bridge_vlan_aware: 1,
    cidr: "192.0.2.10/24",
    comments: "LAN\n",
    families: ["inet"],
    gateway: "192.0.2.1",
    iface: "vmbr0",
    method: "static",
    method6: "manual",
    netmask: "24",
    priority: 4,
    type: "bridge",
  },
  // Not active: it has no such key.
  {
    autostart: 1,
    bond_miimon: "100",
    bond_mode: "802.3ad",
    families: ["inet"],
    iface: "bond0",
    method: "manual",
    method6: "manual",
    priority: 5,
    slaves: "eno2 eno3",
    type: "bond",
  },
  {
    active: 1,
    exists: null,
    families: ["inet"],
    iface: "vmbr0.20",
    method: "dhcp",
    method6: "manual",
    mtu: "1400",
    priority: 6,
    type: "vlan",
    "vlan-id": "20",
    "vlan-raw-device": "vmbr0",
  },
];

/** Virtual networks of the cluster are listed for `any_bridge` only. Source: Network.pm:427-452. */
export function networks({ type }) {
  const virtual = [{ active: 1, iface: "lab", type: "vnet" }];
  if (type === undefined) return NETWORKS;
  const isBridge = (entry) => entry.type === "bridge" || entry.type === "OVSBridge";
  if (type === "any_bridge") return [...NETWORKS.filter(isBridge), ...virtual];
  return NETWORKS.filter((entry) => entry.type === type);
}

/** What apt knew when it was last refreshed. An update without OldVersion is a new package. */
export const updates = () => [
  {
    Arch: "amd64",
    Description: "Proxmox VE virtualization management suite",
    OldVersion: "9.0.5",
    Origin: "Proxmox",
    Package: "pve-manager",
    Priority: "optional",
    Section: "admin",
    Title: "Proxmox Virtual Environment Management Tools",
    Version: "9.0.6",
  },
  {
    Arch: "amd64",
    Description: "Latest Proxmox VE Kernel Image",
    Origin: "Proxmox",
    Package: "proxmox-kernel-6.14.8-3-pve-signed",
    Priority: "optional",
    Section: "kernel",
    Title: "Proxmox Kernel Image (signed)",
    Version: "6.14.8-3",
  },
];

/** Of every certificate. Nobody checks it. */
export const FINGERPRINT = Array(32).fill("AB").join(":");

/** The certificate authority of the cluster, and the node's own certificate from it. */
export const certificates = () => {
  const authority = "/CN=Proxmox Virtual Environment/OU=0/O=PVE Cluster Manager CA";
  const common = {
    fingerprint: FINGERPRINT,
    notbefore: now() - 365 * DAY_S,
    pem: "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "public-key-bits": 2048,
    "public-key-type": "rsaEncryption",
  };
  const days = fault("certificateDays") ?? 400;
  return [
    {
      ...common,
      filename: "pve-root-ca.pem",
      issuer: authority,
      notafter: now() + 3000 * DAY_S,
      san: [],
      subject: authority,
    },
    {
      ...common,
      filename: "pve-ssl.pem",
      issuer: authority,
      notafter: now() + days * DAY_S + HOUR_S,
      san: ["127.0.0.1", "::1", "localhost", "192.0.2.10", node, `${node}.lab.example`],
      subject: `/OU=PVE Cluster Node/O=Proxmox Virtual Environment/CN=${node}.lab.example`,
    },
  ];
};

/** `systemctl list-units --failed --plain --no-legend`. Only this command of the real program is here. */
export function systemctl() {
  for (const unit of fault("failedUnits") ?? []) {
    out(`${unit} loaded failed failed ${unit.replace(/\.\w+$/, "")}\n`);
  }
}

/** `ip -json address show`: what is live, DHCP and guests' interfaces included. */
export function ip() {
  if (fault("linksUnreadable")) fail("RTNETLINK answers: No buffer space available", 2);
  const link = (ifname, ...addresses) => ({
    ifindex: 1,
    ifname,
    flags: ["UP", "LOWER_UP"],
    mtu: 1500,
    operstate: "UP",
    addr_info: addresses.map(([local, prefixlen, scope = "global"]) => ({
      family: local.includes(":") ? "inet6" : "inet",
      local,
      prefixlen,
      scope,
      valid_life_time: 4_294_967_295,
    })),
  });
  const links = [
    link("lo", ["127.0.0.1", 8, "host"], ["::1", 128, "host"]),
    link("eno1"),
    link("vmbr0", ["192.0.2.10", 24], ["fe80::be24:11ff:fe00:1", 64, "link"]),
    link("vmbr0.20", ["198.51.100.77", 24]),
    link("veth101i0"),
  ];
  out(`${JSON.stringify(links)}\n`);
}

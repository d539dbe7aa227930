/**
 * Addresses of guests. Sources: lxc e7b855a src/lxc/tools/lxc_info.c:430-480; pve-container 3d56c9c
 * (`/lxc/ID/interfaces`, 8.1); qemu-server e6352be src/PVE/CLI/qm.pm:1292-1312.
 */
import { err, fail, out } from "./cli.mjs";
import { parts } from "./properties.mjs";
import { fault, findGuest, isRunning } from "./state.mjs";
import { since } from "./wording.mjs";

/** Interfaces with their addresses. DHCP answers with an address of the test network, unless a test forbids it. */
function links({ id, kind, config }) {
  return Object.entries(config).filter(([key]) => /^net\d+$/.test(key)).map(([key, value]) => {
    const fields = Object.fromEntries(parts(String(value), "model"));
    const ipconfig = kind === "qemu" ? config[key.replace("net", "ipconfig")] ?? "ip=dhcp" : "";
    const { ip = fields.ip } = Object.fromEntries(parts(ipconfig));
    const lease = fault("noLease") ? undefined : `192.0.2.${id % 250}/24`;
    const cidr = ip === "dhcp" ? lease : /^\d/.test(ip ?? "") ? ip : undefined;
    const mac = fields.hwaddr ?? /([0-9A-F]{2}:){5}[0-9A-F]{2}/i.exec(String(value))?.[0] ??
      "bc:24:11:00:00:00";
    return { name: fields.name ?? `eth${key.slice(3)}`, mac: mac.toLowerCase(), cidr };
  });
}

/** `/nodes/N/lxc/ID/interfaces`: with one address each; a list of all came in April 2025 (8.4). */
export function interfacesOf(guest) {
  const all = [{ name: "lo", mac: "00:00:00:00:00:00", cidr: "127.0.0.1/8" }, ...links(guest)];
  return all.map(({ name, mac, cidr }) => {
    const [address, prefix] = cidr?.split("/") ?? [];
    const list = cidr === undefined
      ? []
      : [{ "ip-address": address, "ip-address-type": "inet", prefix: Number(prefix) }];
    return {
      ...(since(8, 4) ? { "hardware-address": mac, "ip-addresses": list } : {}),
      ...{ hwaddr: mac, name, ...(cidr === undefined ? {} : { inet: cidr }) },
    };
  });
}

/** `lxc-info -n ID -iH`: bare addresses, nothing while there is none. `lo` is left out. */
export function lxcInfo(argv) {
  const id = Number(argv[argv.indexOf("-n") + 1]);
  const ct = findGuest("lxc", id);
  if (ct === undefined || (!isRunning(ct) && !ct.init)) {
    err(`${id} doesn't exist\n`);
    fail("", 1);
  }
  if (!isRunning(ct)) return;
  for (const { cidr } of links(ct)) if (cidr !== undefined) out(`${cidr.split("/")[0]}\n`);
}

/** `network-get-interfaces` of the guest agent; a link without an address has no list at all. */
export function agentInterfaces(vm) {
  const all = [{ name: "lo", mac: "00:00:00:00:00:00", cidr: "127.0.0.1/8" }, ...links(vm)];
  return all.map(({ name, mac, cidr }) => ({
    "hardware-address": mac,
    ...(cidr === undefined ? {} : {
      "ip-addresses": [{
        "ip-address": cidr.split("/")[0],
        "ip-address-type": "ipv4",
        prefix: Number(cidr.split("/")[1]),
      }],
    }),
    name,
    statistics: { "rx-bytes": 73421, "tx-bytes": 1536 },
  }));
}

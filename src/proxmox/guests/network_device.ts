import type { GuestKind } from "./guest.ts";

/**
 * Returns the value of a `netN` key with the MAC address, and for a container the name, of the device that it
 * replaces, where it names none itself.
 *
 * Source: pve-container 94f5585 src/PVE/LXC/Config.pm:852-962; qemu-server e6352be src/PVE/QemuServer/Network.pm,
 * where a device is `MODEL=MAC,…` or `model=MODEL,macaddr=MAC,…`.
 */
export function withOldIdentity(
  kind: GuestKind,
  device: string,
  old: string | undefined,
): string {
  if (old === undefined) return device;
  return kind === "container" ? containerDevice(device, old) : vmDevice(device, old);
}

function containerDevice(device: string, old: string): string {
  const given = fields(device);
  const known = fields(old);
  const kept = ["name", "hwaddr"].flatMap((key) => {
    const value = known.get(key);
    return given.has(key) || value === undefined ? [] : [`${key}=${value}`];
  });
  return [device, ...kept].filter((part) => part !== "").join(",");
}

function vmDevice(device: string, old: string): string {
  const mac = /(?:^|[,=])((?:[0-9A-F]{2}:){5}[0-9A-F]{2})(?:,|$)/i;
  const known = mac.exec(old)?.[1];
  if (known === undefined || mac.test(device)) return device;
  const given = fields(device);
  if (given.has("model")) return `${device},macaddr=${known}`;
  // The model stands alone: `virtio,bridge=vmbr0`.
  return device.split(",").map((part) => part.includes("=") ? part : `${part}=${known}`).join(",");
}

/** The `KEY=VALUE` parts of a property text. */
const fields = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split(",").filter((part) => part.includes("=")).map((part) => {
      const at = part.indexOf("=");
      return [part.slice(0, at), part.slice(at + 1)];
    }),
  );

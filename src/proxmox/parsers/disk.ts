/** A volume and its size, as a line of a guest's configuration has them: `local-lvm:vm-101-disk-0,size=8G`. */
export interface DiskValue {
  readonly volume: string;
  /** Undefined for a value without a size, for example a CD drive. */
  readonly bytes?: number;
}

/** Keys of disks, of unused ones and of those for firmware too. */
const DISK = /^(?:rootfs|mp\d+|(?:scsi|virtio|sata|ide|efidisk|tpmstate)\d+)$/;

export const isDisk = (key: string): boolean => DISK.test(key);

/** Parses the value of a disk. A CD drive has no volume of the guest. */
export function parseDisk(value: string): DiskValue {
  const [first = "", ...rest] = value.split(",");
  const volume = first.replace(/^(?:volume|file)=/, "");
  const size = rest.map((part) => /^size=(.*)$/.exec(part)?.[1]).find((text) => text !== undefined);
  const bytes = size === undefined ? undefined : parseSize(size);
  return { volume, ...(bytes === undefined ? {} : { bytes }) };
}

/**
 * Parses a size like `8G`, `512M` or `1.5T` into bytes; undefined for any other text.
 *
 * Source: pve-common f665029 src/PVE/JSONSchema.pm, `parse_size`.
 */
export function parseSize(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(text) ?? [];
  return number === undefined
    ? undefined
    : Math.round(Number(number) * 1024 ** " KMGT".indexOf(unit || " "));
}

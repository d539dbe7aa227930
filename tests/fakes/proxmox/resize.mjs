/**
 * `resize` of both programs. Sources: pve-container 94f5585 src/PVE/API2/LXC.pm `resize_vm`; qemu-server e6352be
 * src/PVE/API2/Qemu.pm `resize_vm` (606d9d76 of 2023-06 made it a worker); what LVM prints is from public logs.
 */
import { badParameter, err, fail, out, TEXT, VMID } from "./cli.mjs";
import { withLock } from "./lock.mjs";
import { bytesOf } from "./status.mjs";
import { faultFor, findGuest, isRunning, missingText, saveGuest } from "./state.mjs";
import { checkUnlocked, early, holdTask, worker } from "./task.mjs";
import { sizeText } from "./volumes.mjs";
import { since } from "./wording.mjs";

const WORDS = { lxc: "CT", qemu: "VM" };
const DISKS = { lxc: /^(rootfs|mp\d+|unused\d+)$/, qemu: /^(scsi|virtio|sata|ide|efidisk)\d+$/ };

export const resizeCommand = (kind) => ({
  args: { vmid: VMID, disk: TEXT, size: TEXT },
  options: { digest: TEXT },
  run: (values, spec) => resize(kind, values, spec),
});

async function resize(kind, values, spec) {
  const { vmid, disk, size } = values;
  const program = kind === "lxc" ? "pct" : "qm";
  if (!/^\+?\d+(\.\d+)?[KMGT]?$/.test(size)) {
    badParameter(program, "resize", spec, "size", "value does not match the regex pattern");
  }
  if (!DISKS[kind].test(disk)) {
    const text = `value '${disk}' does not have a value in the enumeration 'rootfs, mp0, unused0'`;
    badParameter(program, "resize", spec, "disk", text);
  }
  const found = findGuest(kind, vmid) ?? fail(missingText(kind, vmid), 2);
  if (kind === "lxc") {
    early(() => planned(found, values));
    return await worker(() => locked(kind, values, out, 255), { hook: false });
  }
  if (!since(8, 0)) return await locked(kind, values, err, 4);
  await worker(() => locked(kind, values, out, 255), { hook: false });
}

const locked = (kind, values, say, code) => {
  const guest = findGuest(kind, values.vmid) ?? fail(missingText(kind, values.vmid));
  return withLock(guest, { say, code }, () => grow(findGuest(kind, values.vmid), values));
};

/** The new size in bytes. A VM's disk that has it already is left alone in silence. */
function planned(guest, { disk, size }) {
  const { kind } = guest;
  checkUnlocked(guest, WORDS[kind]);
  const value = guest.config[disk];
  if (value === undefined) {
    fail(kind === "lxc" ? `unable to parse mountpoint` : `disk '${disk}' does not exist`);
  }
  const before = bytesOf(/size=([^,]*)/.exec(value)?.[1] ?? "0");
  const after = bytesOf(size.replace("+", "")) + (size.startsWith("+") ? before : 0);
  if (after < before) {
    fail(kind === "lxc" ? "unable to shrink disk size" : "shrinking disks is not supported");
  }
  if (after === before && kind === "lxc") fail("disk is already at specified size");
  return { before, after };
}

async function grow(guest, values) {
  const { before, after } = planned(guest, values);
  if (after === before) return;
  const { id, kind, config } = guest;
  const name = config[values.disk].split(",")[0].split(":")[1];
  await holdTask();
  if (faultFor("resizeFails", id)) {
    out("  Insufficient free space: 256 extents needed, but only 0 available\n");
    fail(
      `command '/sbin/lvextend -L ${after / 1024}k /dev/pve/${name}' failed: exit code 5`,
    );
  }
  const extents = (bytes) =>
    `${(bytes / 1024 ** 3).toFixed(2)} GiB (${Math.ceil(bytes / 2 ** 22)} extents)`;
  out(
    `  Size of logical volume pve/${name} changed from ${extents(before)} to ${extents(after)}.\n` +
      `  Logical volume pve/${name} successfully resized.\n`,
  );
  config[values.disk] = config[values.disk].replace(/size=[^,]*/, `size=${sizeText(after)}`);
  saveGuest(guest);
  if (kind !== "lxc") return;
  if (faultFor("fileSystemStays", id)) {
    const program = isRunning(guest) ? "unshare -m" : `resize2fs /dev/pve/${name}`;
    return out(
      `Failed to update the container's filesystem: command '${program}' failed: exit code 1\n\n`,
    );
  }
  out(`The filesystem on /dev/pve/${name} is now ${after / 4096} (4k) blocks long.\n`);
}

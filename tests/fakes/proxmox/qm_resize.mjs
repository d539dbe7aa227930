/**
 * `qm resize`. Source: qemu-server e6352be src/PVE/API2/Qemu.pm; 606d9d76 of 2023-06 made it a worker, whose failures
 * leave the exit code 0 (8.0 and later). What LVM prints is from public logs.
 */
import { badParameter, choice, fail, out, TEXT, VMID } from "./cli.mjs";
import { withLock } from "./lock.mjs";
import { findGuest, missingText, saveGuest } from "./state.mjs";
import { bytesOf } from "./status.mjs";
import { checkUnlocked, worker } from "./task.mjs";
import { sizeText } from "./volumes.mjs";
import { since } from "./wording.mjs";

const DISKS = ["ide", "sata", "scsi", "virtio"].flatMap((bus) =>
  Array.from({ length: bus === "ide" ? 4 : 16 }, (_, n) => `${bus}${n}`)
);

export const QM_RESIZE = {
  args: { vmid: VMID, disk: choice(...DISKS), size: TEXT },
  options: { digest: TEXT, skiplock: TEXT },
  run: resize,
};

async function resize({ vmid, disk, size }, spec) {
  findGuest("qemu", vmid) ?? fail(missingText("qemu", vmid), 2);
  if (!/^\+?\d+(\.\d+)?[KMGT]?$/.test(size)) {
    badParameter("qm", "resize", spec, "size", "value does not match the regex pattern");
  }
  const work = () =>
    withLock(
      findGuest("qemu", vmid),
      { say: out, code: 255 },
      () => grow(findGuest("qemu", vmid), disk, size),
    );
  if (since(8, 0)) await worker(work, { hook: false });
  else await work();
}

function grow(vm, disk, size) {
  checkUnlocked(vm, "VM");
  if (vm.config[disk] === undefined) fail(`disk '${disk}' does not exist`);
  const before = bytesOf(/size=([^,]*)/.exec(vm.config[disk])?.[1] ?? "0");
  const after = bytesOf(size.replace("+", "")) + (size.startsWith("+") ? before : 0);
  if (after < before) fail("shrinking disks is not supported");
  if (after === before) return;
  const name = vm.config[disk].split(",")[0].split(":")[1];
  const gib = (bytes) =>
    `${(bytes / 1024 ** 3).toFixed(2)} GiB (${Math.ceil(bytes / 1024 ** 2 / 4)} extents)`;
  out(`  Size of logical volume pve/${name} changed from ${gib(before)} to ${gib(after)}.\n`);
  out(`  Logical volume pve/${name} successfully resized.\n`);
  vm.config[disk] = vm.config[disk].replace(/size=[^,]*/, `size=${sizeText(after)}`);
  saveGuest(vm);
}

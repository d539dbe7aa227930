/** `qmrestore`. Source: qemu-server e6352be src/PVE/QemuServer.pm:7541-7747; what vma prints is from public logs. */
import fs from "node:fs";
import { BOOL, Exit, fail, out, parse, TEXT, VMID } from "./cli.mjs";
import { checkFree, newDisk, refuseTaken, runTool } from "./create.mjs";
import { STORAGE, vmNetStored } from "./properties.mjs";
import {
  claimGuest,
  fault,
  findGuest,
  guestDirectory,
  isRunning,
  node,
  rootfsDirectory,
  saveGuest,
} from "./state.mjs";
import { early, holdTask, nowRunning, worker } from "./task.mjs";
import { backupNamed, savedConfig } from "./vzdump.mjs";
import { checkContent, dropVolume, removedLines, volumesOf } from "./volumes.mjs";

const QMRESTORE = {
  args: { archive: TEXT, vmid: VMID },
  options: {
    force: BOOL,
    "live-restore": BOOL,
    pool: TEXT,
    start: BOOL,
    storage: STORAGE,
    unique: BOOL,
  },
};

export async function qmrestore(argv) {
  nowRunning("qmrestore", argv);
  const values = parse("qmrestore", "", QMRESTORE, argv);
  const { vmid, force, storage } = values;
  early(() => {
    if (fault("noQuorum")) fail("cluster not ready - no quorum?");
    const old = findGuest("qemu", vmid);
    if (old === undefined || force !== 1) checkFree(vmid, `unable to restore VM ${vmid} - `);
    const refuse = (text) => {
      throw new Exit(
        255,
        `400 Parameter verification failed.\nstorage: ${text}\nqmrestore <archive> <vmid> [OPTIONS]\n`,
      );
    };
    if (storage !== undefined) checkContent(storage, "images", refuse);
  });
  await worker(() => restoring(values));
}

async function restoring({ archive, vmid, storage, unique }) {
  const prefix = `unable to restore VM ${vmid} - `;
  const file = backupNamed(archive);
  if (file === undefined) fail(`volume '${archive}' does not exist`);
  const saved = savedConfig(file);
  if (saved?.kind !== "qemu") fail(`ERROR: couldn't determine archive info from '${archive}'`);
  const old = findGuest("qemu", vmid);
  if (old && isRunning(old)) fail(`${prefix}vm is running`);
  if (String(old?.config.protection ?? 0) === "1") fail(`${prefix}protection mode enabled`);
  out(
    `restore vma archive: zstd -q -d -c ${archive} | vma extract -v -r /var/tmp/vzdumptmp177197.fifo - /var/tmp/vzdumptmp177197\n`,
  );
  out("CFG: size: 458 name: qemu-server.conf\n");
  if (old) freeOld(old);
  const vm = {
    ...{ id: vmid, kind: "qemu", node, status: "stopped", snapshots: [], pending: {} },
    ...{ config: {}, hasProcess: saved.hasProcess, lock: "create" },
  };
  if (!claimGuest(vm)) refuseTaken(vmid, prefix, "VM");
  const created = [];
  try {
    const config = {};
    for (const { key, volid, bytes } of volumesOf(saved.config)) {
      const made = newDisk(
        storage ?? volid.split(":")[0],
        vmid,
        bytes,
        created,
        /cloudinit$/.test(volid) ? "cloudinit" : undefined,
      );
      out(
        `new volume ID is '${made}'\nmap 'drive-${key}' to '/dev/pve/${
          made.split(":")[1]
        }' (write zeros = 0)\n`,
      );
      const rest = saved.config[key].split(",").slice(1);
      config[key] = [made, ...rest].join(",");
    }
    out("progress 1% (read 171835392 bytes, duration 1 sec)\n");
    await holdTask();
    if (fault("archiveDamaged")) {
      out(`_${archive} : Decoding error (36) : Restored data doesn't match checksum\n`);
      fail("command 'set -o pipefail && zstd -q -d -c … | vma extract …' failed: exit code 1");
    }
    out("progress 100% (read 17179869184 bytes, duration 20 sec)\n");
    out(
      "total bytes read 17179869184, sparse bytes 12563259392 (73.1%)\nspace reduction due to 4K zero blocks 2.95%\nrescan volumes...\n",
    );
    vm.config = { ...saved.config, ...config };
    for (const key of Object.keys(vm.config).filter((key) => /^net\d+$/.test(key))) {
      vm.config[key] = vmNetStored(vm.config[key], { fresh: unique === 1 });
    }
    if (saved.hasProcess) {
      fs.mkdirSync(rootfsDirectory(vmid), { recursive: true });
      runTool("tar", ["-xpf", file, "-C", rootfsDirectory(vmid)]);
    }
  } catch (error) {
    for (const volid of created) {
      dropVolume(volid);
      out(`temporary volume '${volid}' sucessfuly removed\n`);
    }
    // The configuration stays, and its lock is taken off twice.
    delete vm.lock;
    saveGuest(vm);
    out("no lock found trying to remove 'create' lock\n");
    out(
      `error before or during data restore, some or all disks were not completely restored. VM ${vmid} state is NOT cleaned up.\n`,
    );
    throw error;
  }
  if (saved.template) vm.template = true;
  delete vm.lock;
  saveGuest(vm);
}

function freeOld(old) {
  for (const { volid } of volumesOf(old.config)) {
    dropVolume(volid);
    out(removedLines(volid));
  }
  fs.rmSync(guestDirectory(old.id), { recursive: true, force: true });
}

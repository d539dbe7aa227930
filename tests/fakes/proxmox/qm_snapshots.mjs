/**
 * `qm snapshot`, `rollback` and `delsnapshot`. Read in source: pve-guest-common 4a8f6cb
 * src/PVE/AbstractConfig.pm:730-1214; qemu-server e6352be src/PVE/API2/Qemu.pm:6077-6510,
 * src/PVE/QemuConfig.pm:214-560, and 47cf304 (7.4), 7547eb3 (8.3); pve-storage 0c56bad
 * src/PVE/Storage/LvmThinPlugin.pm, ZFSPoolPlugin.pm. Read in public logs: what LVM prints, and the
 * numbers while the RAM is saved.
 *
 * The lock file is held at the beginning and the end only; in between the configuration has a `lock`. Only
 * `snapshot` cleans up when it fails or is interrupted.
 */
import { fail, out } from "./cli.mjs";
import { stopGuest } from "./lifecycle.mjs";
import { withLock } from "./lock.mjs";
import {
  copyFiles,
  dropFiles,
  findSnapshot,
  restoreFiles,
  startGuest,
  unlinkParent,
} from "./snapshots.mjs";
import { fault, faultFor, findGuest, isRunning, missingText, saveGuest } from "./state.mjs";
import { checkUnlocked, early, holdTask, worker } from "./task.mjs";
import { create, createdLines, dropVolume, removedLines, volumesOf } from "./volumes.mjs";
import { since } from "./wording.mjs";

const MIB = 1024 ** 2;

/** Runs `work` with the lock file and the configuration as it is now. */
const locked = (vmid, work) => {
  const found = () => findGuest("qemu", vmid) ?? fail(missingText("qemu", vmid));
  return withLock(found(), { say: out, code: 255 }, async () => {
    if (fault("noQuorum")) fail("cluster not ready - no quorum?");
    const vm = found();
    const result = await work(vm);
    saveGuest(vm);
    return result;
  });
};

export async function createSnapshot({ vmid, snapname, description, vmstate = 0 }) {
  if (snapname === "current" || snapname.toLowerCase() === "pending") {
    fail(`unable to use snapshot name '${snapname.toLowerCase()}' (reserved name)`);
  }
  // Source: QS 5fc635cc of 2024-11.
  if (since(8, 3)) {
    early(() =>
      checkSavable(findGuest("qemu", vmid) ?? fail(missingText("qemu", vmid), 2), vmstate)
    );
  }
  await worker(async () => {
    const made = await locked(vmid, (vm) => prepare(vm, { snapname, description, vmstate }));
    try {
      if (made.vmstate !== undefined) await saveRam(made.vmstate);
      else await holdTask();
      snapshotDisks(vmid, made);
    } catch (error) {
      out("snapshot create failed: starting cleanup\n");
      await locked(vmid, (vm) => removeEntry(vm, snapname));
      throw error;
    }
    await locked(vmid, (vm) => commit(vm, snapname));
  });
}

/** Source: QS src/PVE/QemuMigrate/Helpers.pm; virtiofs since 64dad62f of 2025-04. */
function checkSavable({ config }, vmstate) {
  const blockers = [
    ...(config["amd-sev"] === undefined ? [] : ["amd-sev"]),
    ...(since(8, 4) && config.virtiofs0 !== undefined ? ["virtiofs"] : []),
  ];
  if (vmstate !== 1 || blockers.length === 0) return;
  const list = blockers.join(", ");
  fail(`Cannot live-migrate, snapshot (with RAM), or hibernate a VM with: ${list}`);
}

function prepare(vm, { snapname, description, vmstate }) {
  if (vm.template) fail("you can't take a snapshot if it's a template");
  checkUnlocked(vm, "VM");
  if (vm.snapshots.some(({ name }) => name === snapname)) {
    fail(`snapshot name '${snapname}' already used`);
  }
  if (fault("noSnapshots")) fail("snapshot feature is not available");
  const { description: _own, ...config } = vm.config;
  const made = {
    name: snapname,
    time: Math.floor(Date.now() / 1000),
    config,
    state: "prepare",
    ...(description ? { description } : {}),
    ...(vm.parent ? { parent: vm.parent } : {}),
    // A stopped VM has no RAM: the option is then ignored without a word.
    ...(vmstate === 1 && isRunning(vm) ? { vmstate: allocateState(vm, snapname) } : {}),
  };
  vm.lock = "snapshot";
  vm.snapshots.push(made);
  return made;
}

/** Twice the memory and 500 MiB, on the storage of the first disk. */
function allocateState(vm, snapname) {
  const storage = volumesOf(vm.config)[0]?.volid.split(":")[0] ?? "local";
  const name = `vm-${vm.id}-state-${snapname}`;
  const volid = storage === "local" ? `local:${vm.id}/${name}.raw` : `${storage}:${name}`;
  const bytes = ((vm.config.memory ?? 512) * 2 + 500) * MIB;
  create(volid, { vmid: vm.id, bytes });
  out(createdLines(volid, bytes));
  return volid;
}

/** Of a running VM. `taskHolds` is the seconds that it takes. */
async function saveRam(volid) {
  const [storage] = volid.split(":");
  out(`saving VM state and RAM using storage '${storage}'\n`);
  await holdTask((seconds) => out(`${seconds === 0 ? "1.51" : "185.88"} MiB in ${seconds}s\n`));
  // The text behind the dash is QEMU's.
  if (fault("storageFull")?.includes(storage)) {
    fail("unable to save VM state and RAM - qemu_savevm_state_iterate error -28");
  }
  out("completed saving the VM state in 1s, saved 554.55 MiB\n");
}

function snapshotDisks(vmid, { name, config }) {
  const vm = findGuest("qemu", vmid);
  for (const { key, volid } of diskVolumes(config)) {
    out(`snapshotting 'drive-${key}' (${volid})\n`);
    if (volid.endsWith(".qcow2")) {
      // Source: QS d816c912 of 2025-07.
      if (since(9, 0) && isRunning(vm)) out("internal qemu snapshot\n");
    } else out(createdLines(snapshotVolume(volid, name), 0).split("\n")[0] + "\n");
  }
  copyFiles(vm, name);
}

const diskVolumes = (config) => volumesOf(config).filter(({ key }) => !/^unused/.test(key));

/** As LVM names it: `local-lvm:snap_vm-200-disk-0_one`. */
const snapshotVolume = (volid, snapname) => `${volid.replace(":", ":snap_")}_${snapname}`;

function commit(vm, snapname) {
  delete findSnapshot(vm, snapname).state;
  delete vm.lock;
  vm.parent = snapname;
}

/** What is printed for each volume that goes, and the entry taken out of the configuration. */
function removeEntry(vm, snapname) {
  const gone = findSnapshot(vm, snapname);
  if (gone.vmstate !== undefined) {
    dropVolume(gone.vmstate);
    out(removedLines(gone.vmstate));
  }
  dropFiles(vm, snapname);
  unlinkParent(vm, gone);
  delete vm.lock;
}

export const deleteSnapshot = ({ vmid, snapname, force = 0 }) =>
  worker(async () => {
    if (faultFor("replicated", vmid)) {
      fail("Failed to obtain guest migration lock - replication running?");
    }
    await locked(vmid, (vm) => {
      const gone = findSnapshot(vm, snapname);
      checkUnlocked(vm, "VM");
      vm.lock = "snapshot-delete";
      gone.state = "delete";
    });
    await holdTask();
    await locked(vmid, (vm) => {
      for (const { volid } of diskVolumes(findSnapshot(vm, snapname).config)) {
        const gone = snapshotVolume(volid, snapname);
        if (faultFor("volumeStays", vmid)) {
          const text = `lvremove snapshot 'pve/${
            gone.split(":")[1]
          }' error:   Logical volume in use.`;
          if (force !== 1) fail(text);
          out(`${text}\n`);
        } else out(removedLines(gone));
      }
      removeEntry(vm, snapname);
    });
  });

export const rollBackVm = ({ vmid, snapname, start = 0 }) =>
  worker(async () => {
    if (faultFor("replicated", vmid)) {
      fail(`can't lock file '/var/lock/pve-manager/pve-migrate-${vmid}' - got timeout`);
    }
    await locked(vmid, (vm) => prepareRollback(vm, snapname));
    await holdTask();
    const restored = await locked(vmid, (vm) => finishRollback(vm, snapname));
    const vm = findGuest("qemu", vmid);
    if (restored.vmstate !== undefined) await startRolledBack(vm);
    if (start !== 1 || isRunning(vm)) return;
    try {
      await startRolledBack(vm);
    } catch (error) {
      // The task inside this one fails, and this one does not look. Inferred, not seen.
      out(error.message);
    }
  });

async function prepareRollback(vm, snapname) {
  if (vm.template) fail("you can't rollback if vm is a template");
  const snapshot = findSnapshot(vm, snapname);
  const isNewest = vm.snapshots.at(-1) === snapshot;
  if (fault("onlyNewestSnapshot") && !isNewest) {
    const [{ volid }] = diskVolumes(snapshot.config);
    fail(`can't rollback, '${snapname}' is not most recent snapshot on '${volid}'`);
  }
  if (snapshot.state !== undefined) {
    fail(`unable to rollback to incomplete snapshot (snapstate = ${snapshot.state})`);
  }
  checkUnlocked(vm, "VM");
  await stopGuest(vm);
  vm.lock = "rollback";
}

/** Keeps the description, and what the snapshot does not know as unused disks. */
function finishRollback(vm, snapname) {
  const snapshot = findSnapshot(vm, snapname);
  for (const { volid } of diskVolumes(snapshot.config)) {
    if (/^local:/.test(volid)) continue;
    out(removedLines(volid));
    out(createdLines(volid, 0));
  }
  restoreFiles(vm, snapname);
  const kept = new Set(diskVolumes(snapshot.config).map(({ volid }) => volid));
  const unused = diskVolumes(vm.config).filter(({ volid }) => !kept.has(volid));
  const { description } = vm.config;
  vm.config = {
    ...snapshot.config,
    ...(description === undefined ? {} : { description }),
    ...Object.fromEntries(unused.map(({ volid }, index) => [`unused${index}`, volid])),
  };
  vm.pending = {};
  vm.parent = snapname;
  delete vm.lock;
  return snapshot;
}

async function startRolledBack(vm) {
  if (faultFor("startFails", vm.id)) fail("start failed: QEMU exited with code 1");
  await startGuest(vm);
}

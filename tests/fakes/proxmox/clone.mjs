/**
 * `clone` of both programs. Sources: pve-container 94f5585 src/PVE/API2/LXC.pm:1885-2300; qemu-server e6352be
 * src/PVE/API2/Qemu.pm:4424-4690; what rsync and qemu-img print is from public logs.
 */
import fs from "node:fs";
import path from "node:path";
import { randomUUID } from "node:crypto";
import { BOOL, fail, out, SNAPNAME, TEXT, VMID } from "./cli.mjs";
import { checkFree, nestingWarning, newDisk, runTool } from "./create.mjs";
import { containerNet, STORAGE, vmNetStored } from "./properties.mjs";
import {
  anyGuest,
  claimGuest,
  fault,
  findGuest,
  guestDirectory,
  isRunning,
  missingText,
  nameOf,
  node,
  removeGuest,
  rootfsDirectory,
  saveGuest,
} from "./state.mjs";
import { checkUnlocked, early, holdTask, worker } from "./task.mjs";
import {
  dropVolume,
  formattedLines,
  removedLines,
  sizeText,
  storageOf,
  volumesOf,
} from "./volumes.mjs";
import { since } from "./wording.mjs";

const COMMON = {
  description: TEXT,
  full: BOOL,
  pool: TEXT,
  snapname: SNAPNAME,
  storage: STORAGE,
  target: TEXT,
};

export const CT_CLONE = {
  args: { vmid: VMID, newid: VMID },
  options: { ...COMMON, hostname: { type: "string", format: "dnsname", max: 255 } },
  run: (values) => clone("lxc", values),
};

export const VM_CLONE = {
  args: { vmid: VMID, newid: VMID },
  options: { ...COMMON, format: TEXT, name: { type: "string", format: "dnsname" } },
  run: (values) => clone("qemu", values),
};

async function clone(kind, values) {
  const { vmid } = values;
  const source = findGuest(kind, vmid) ?? fail(missingText(kind, vmid), 2);
  const isFull = (values.full ?? (source.template ? 0 : 1)) === 1;
  early(() => check(source, values, isFull));
  await worker(() => copyGuest(source, values, isFull));
}

function check(source, { newid, snapname, storage }, isFull) {
  const { kind, template } = source;
  if (fault("noQuorum")) fail("cluster not ready - no quorum?");
  checkUnlocked(source, kind === "lxc" ? "CT" : "VM");
  if (kind === "lxc") checkFree(newid);
  else if (anyGuest(newid)) fail(`unable to create VM ${newid}: config file already exists`);
  if (!isFull && storage !== undefined) fail("parameter 'storage' not allowed for linked clones");
  if (storage !== undefined) storageOf(storage);
  if (snapname !== undefined && !source.snapshots.some(({ name }) => name === snapname)) {
    fail(`snapshot '${snapname}' does not exist`);
  }
  const [disk] = volumesOf(source.config);
  if (!isFull && !template) {
    fail(`Linked clone feature for '${disk?.volid}' is not available`);
  }
  if (kind === "lxc" && isFull && isRunning(source) && snapname === undefined) {
    // Source: CT 2682d64 of 2026-01.
    fail(
      since(9, 2)
        ? "Full clone of a running container is only possible from a snapshot"
        : "Cannot do full clones on a running container without snapshots",
    );
  }
}

/** For the whole copy the source of a container has the lock `disk`, and the new guest has one of its own. */
async function copyGuest(source, values, isFull) {
  const { newid } = values;
  const copy = newGuest(source, values);
  if (!claimGuest(copy)) {
    fail(`unable to create CT ${newid} - CT ${newid} already exists on node '${node}'`);
  }
  if (source.kind === "lxc") setLock(source, "disk");
  const created = [];
  try {
    // Source: CT of 2026-03, QS 980dffe of 2026-03.
    const word = source.kind === "lxc" ? "container" : "VM";
    if (since(9, 1)) out(`creating a clone of ${word} ${source.id} with ID ${newid}\n`);
    for (const disk of volumesOf(copy.config).filter(({ key }) => !/^unused/.test(key))) {
      copyDisk(source, copy, disk, { ...values, isFull }, created);
    }
    saveGuest(copy);
    await holdTask();
    if (fault("storageFull")?.includes(values.storage ?? "local-lvm") && isFull) {
      fail(
        "command 'rsync --stats -X -A --numeric-ids -aH --whole-file --sparse' failed: exit code 11",
      );
    }
    const files = values.snapname === undefined
      ? rootfsDirectory(source.id)
      : path.join(guestDirectory(source.id), "snapshots", values.snapname);
    if (fs.existsSync(files)) runTool("cp", ["-a", files, rootfsDirectory(newid)]);
    if (fs.existsSync(rootfsDirectory(newid))) newIdentity(copy);
  } catch (error) {
    for (const volid of created) {
      dropVolume(volid);
      out(removedLines(volid));
    }
    removeGuest(copy);
    unlock(source);
    throw Object.assign(error, { message: `clone failed: ${error.message}` });
  }
  delete copy.lock;
  saveGuest(copy);
  unlock(source);
  if (source.kind === "lxc") nestingWarning(copy);
}

function setLock(source, lock) {
  const now = findGuest(source.kind, source.id);
  now.lock = lock;
  saveGuest(now);
}

function unlock(source) {
  const now = findGuest(source.kind, source.id);
  if (now === undefined || now.lock !== "disk") return;
  delete now.lock;
  saveGuest(now);
}

/** Everything is taken over but MAC addresses, snapshots, pending changes and the mark of a template. */
function newGuest(source, { newid, hostname, name, description, snapname }) {
  const from = source.snapshots.find((snapshot) => snapshot.name === snapname)?.config ??
    source.config;
  const config = Object.fromEntries(
    Object.entries(from).filter(([key]) => !/^unused\d+$/.test(key)),
  );
  for (const key of Object.keys(config).filter((key) => /^net\d+$/.test(key))) {
    const store = source.kind === "lxc" ? containerNet : vmNetStored;
    config[key] = store(config[key], { fresh: true });
  }
  if (source.kind === "lxc" && hostname !== undefined) config.hostname = hostname;
  if (source.kind === "qemu") config.name = name ?? `Copy-of-VM-${source.config.name ?? source.id}`;
  if (description !== undefined) config.description = description;
  const { kind, unprivileged, hasProcess } = source;
  return {
    ...{ id: newid, kind, node, status: "stopped", snapshots: [], pending: {}, config },
    ...{ hasProcess, lock: kind === "lxc" ? "create" : "clone" },
    ...(unprivileged === undefined ? {} : { unprivileged }),
  };
}

function copyDisk(source, copy, { key, volid, bytes }, { isFull, storage }, created) {
  const word = source.kind === "lxc" ? isFull ? "mountpoint" : "mount point" : "drive";
  const isCloudInit = volid.endsWith("-cloudinit");
  out(`create ${isFull || isCloudInit ? "full" : "linked"} clone of ${word} ${key} (${volid})\n`);
  const target = storage ?? volid.split(":")[0];
  const made = newDisk(target, copy.id, bytes, created, isCloudInit ? "cloudinit" : "disk");
  const rest = String(source.config[key] ?? copy.config[key]).split(",").slice(1)
    .filter((field) => !field.startsWith("size="));
  copy.config[key] = [made, ...rest, `size=${sizeText(bytes)}`].join(",");
  if (!isFull || isCloudInit) return;
  if (source.kind === "lxc") return out(`${formattedLines(bytes)}${RSYNC}`);
  // Source: QS 473b677 of 2026-04.
  if (since(9, 2)) out(`allocated target volume '${made}'\n`);
  const size = `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
  if (!isRunning(source)) {
    return out(`transferred 0.0 B of ${size} (0.00%)\ntransferred ${size} of ${size} (100.00%)\n`);
  }
  out(`drive mirror is starting for drive-${key}\n`);
  out(`drive-${key}: transferred 0.0 B of ${size} (0.00%) in 0s\n`);
  out(
    `drive-${key}: transferred ${size} of ${size} (100.00%) in 3s, ready\nall 'mirror' jobs are ready\n`,
  );
}

const RSYNC = `Number of files: 26,272 (reg: 20,525, dir: 2,274, link: 3,449, special: 24)
Number of created files: 26,270 (reg: 20,525, dir: 2,272, link: 3,449, special: 24)
Number of deleted files: 0
Total file size: 1,147,337,291 bytes
Total transferred file size: 1,141,110,024 bytes
total size is 1,147,337,291  speedup is 1.00
`;

/** Only the machine ID is new: the SSH host keys stay. Source: CT LXC/Setup/Base.pm:709-713. */
function newIdentity(copy) {
  const file = path.join(rootfsDirectory(copy.id), "etc/machine-id");
  if (fs.existsSync(file)) fs.writeFileSync(file, "");
  else fs.writeFileSync(file, `${randomUUID().replaceAll("-", "")}\n`);
  const name = path.join(rootfsDirectory(copy.id), "etc/hostname");
  fs.writeFileSync(name, `${nameOf(copy)}\n`);
}

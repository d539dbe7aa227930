/**
 * `qm create` and `qm importdisk`. Source: qemu-server e6352be src/PVE/API2/Qemu.pm, src/PVE/QemuServer.pm,
 * src/PVE/CLI/qm.pm; what LVM, qemu-img and vma print is from public logs.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import { badParameter, BOOL, fail, integer, out, TEXT, VMID } from "./cli.mjs";
import { checkFree, newDisk, refuseTaken } from "./create.mjs";
import {
  askPassword,
  joinedTags,
  PASSWORD,
  readKeys,
  STORAGE,
  TAGS,
  VM_IP_CONFIGS,
  VM_NETS,
  vmNetStored,
} from "./properties.mjs";
import {
  claimGuest,
  fault,
  findGuest,
  missingText,
  node,
  removeGuest,
  saveGuest,
} from "./state.mjs";
import { bytesOf } from "./status.mjs";
import { checkUnlocked, early, holdTask, worker } from "./task.mjs";
import {
  checkContent,
  dropVolume,
  gibibytes,
  imageFile,
  removedLines,
  sizeText,
  storageOf,
} from "./volumes.mjs";
import { since } from "./wording.mjs";

const DRIVES = { type: "string", pattern: /^(scsi|virtio|sata|ide|efidisk|tpmstate|unused)\d+$/ };

export const VM_OPTIONS = {
  agent: TEXT,
  balloon: integer(0),
  bios: TEXT,
  boot: TEXT,
  cicustom: TEXT,
  cipassword: PASSWORD,
  citype: TEXT,
  ...(since(8, 0) ? { ciupgrade: BOOL } : {}),
  ciuser: TEXT,
  cores: integer(1),
  cpu: TEXT,
  description: TEXT,
  ipconfig0: VM_IP_CONFIGS,
  machine: TEXT,
  memory: integer(16),
  name: { type: "string", format: "dnsname" },
  nameserver: TEXT,
  net0: VM_NETS,
  onboot: BOOL,
  ostype: TEXT,
  protection: BOOL,
  scsi0: DRIVES,
  scsihw: TEXT,
  searchdomain: TEXT,
  serial0: TEXT,
  sockets: integer(1),
  sshkeys: TEXT,
  startup: TEXT,
  tags: TAGS,
  vga: TEXT,
};

export const QM_CREATE = {
  args: { vmid: VMID },
  options: { ...VM_OPTIONS, force: BOOL, pool: TEXT, start: BOOL, storage: STORAGE },
  run: create,
};

async function create(values, spec) {
  const { vmid } = values;
  early(() => checkCreate(values, spec));
  const password = askPassword(values.cipassword);
  const keys = readKeys(values.sshkeys);
  await worker(() => makeVm(values, { password, keys }, `unable to create VM ${vmid} - `));
}

function checkCreate(values, spec) {
  if (fault("noQuorum")) fail("cluster not ready - no quorum?");
  checkFree(values.vmid, `unable to create VM ${values.vmid} - `);
  for (const { key, storage, importFrom } of newDrives(values)) {
    if (importFrom !== undefined && !since(7, 2)) {
      const text =
        "property is not defined in schema and the schema does not allow additional properties";
      badParameter(
        "qm",
        "create",
        spec,
        key,
        `invalid format - format error\n${key}.import-from: ${text}\n\n`,
      );
    }
    const [, type] = /^[^/:]+:(iso|vztmpl|backup)\//.exec(importFrom ?? "") ?? [];
    if (type !== undefined) {
      badParameter(
        "qm",
        "create",
        spec,
        key,
        `${importFrom} has wrong type '${type}' - needs to be 'images' or 'import'`,
      );
    }
    checkContent(storage, "images", (text) => badParameter("qm", "create", spec, "storage", text));
  }
}

/** `local-lvm:32` and `local-lvm:0,import-from=…` are disks to be made, `local-lvm:cloudinit` is one too. */
function newDrives(values) {
  return Object.entries(values).flatMap(([key, value]) => {
    if (!DRIVES.pattern.test(key)) return [];
    const [first, ...rest] = String(value).split(",");
    const [, storage, size] = /^([^:]+):([\d.]+|cloudinit)$/.exec(first) ?? [];
    if (storage === undefined) return [];
    const importFrom = rest.find((field) => field.startsWith("import-from="))?.slice(12);
    const kept = rest.filter((field) => !field.startsWith("import-from="));
    return [{ key, storage, size, importFrom, rest: kept }];
  });
}

const NOT_CONFIG = new Set(
  "vmid force pool start storage cipassword sshkeys archive unique live-restore".split(" "),
);

function newConfig(values, { password, keys }) {
  const given = Object.entries(values).filter(([key]) => !NOT_CONFIG.has(key));
  const config = Object.fromEntries(given);
  for (const key of Object.keys(config)) {
    if (/^net\d+$/.test(key)) {
      config[key] = vmNetStored(String(config[key]), { fresh: values.unique === 1 });
    }
  }
  if (config.tags !== undefined) config.tags = joinedTags(config.tags);
  if (keys !== undefined) config.sshkeys = encodeURIComponent(keys);
  if (password !== undefined) {
    config.cipassword = `$5$${createHash("sha256").update(password).digest("hex")}`;
  }
  config.meta = `creation-qemu=${
    since(9, 0) ? "10.0.2" : since(8, 0) ? "8.1.5" : "7.2.0"
  },ctime=1764339324`;
  return config;
}

async function makeVm(values, secrets, prefix) {
  const vm = {
    ...{ id: values.vmid, kind: "qemu", node, status: "stopped", snapshots: [], pending: {} },
    ...{ config: newConfig(values, secrets), hasProcess: false, lock: "create" },
  };
  if (!claimGuest(vm)) refuseTaken(values.vmid, prefix, "VM");
  const created = [];
  try {
    checkImages(values);
    for (const drive of newDrives(values)) await makeDrive(vm, drive, created);
    await holdTask();
  } catch (error) {
    for (const volid of created) {
      dropVolume(volid);
      out(removedLines(volid));
    }
    removeGuest(vm);
    throw Object.assign(error, { message: `${prefix}${error.message}` });
  }
  // Since 7.2 the boot order names all disks unless the call has one.
  vm.config.boot ??= `order=${
    Object.keys(vm.config).filter((key) => /^(scsi|virtio|sata)\d+$/.test(key)).sort()[0] ?? ""
  }`;
  delete vm.lock;
  saveGuest(vm);
}

function checkImages(values) {
  for (const [key, value] of Object.entries(values)) {
    if (!DRIVES.pattern.test(key)) continue;
    const [volid] = String(value).split(",");
    const file = imageFile(volid);
    if (file !== undefined && !fs.existsSync(file)) fail(`volume '${volid}' does not exist`);
  }
}

async function makeDrive(vm, { key, storage, size, importFrom, rest }, created) {
  if (size === "cloudinit") {
    const volid = newDisk(storage, vm.id, 4 * 1024 ** 2, created, "cloudinit");
    vm.config[key] = [volid, ...rest.filter((field) => field !== "media=cdrom"), "media=cdrom"]
      .join(",");
    out(`${key}: successfully created disk '${volid},media=cdrom'\n`);
    return out("generating cloud-init ISO\n");
  }
  const bytes = importFrom === undefined ? gibibytes(size) : imageSize(importFrom);
  const volid = newDisk(storage, vm.id, bytes, created);
  vm.config[key] = [volid, ...rest, `size=${sizeText(bytes)}`].join(",");
  saveGuest(vm);
  if (importFrom !== undefined) await transfer(bytes);
  if (fault("storageFull")?.includes(storage) && importFrom !== undefined) {
    fail(`copy failed: command '/usr/bin/qemu-img convert' failed: exit code 1`);
  }
  out(`${key}: successfully created disk '${vm.config[key]}'\n`);
}

/** The virtual size of an image: a test's own file says it in its first line. */
function imageSize(file) {
  const found = imageFile(file) ?? file;
  if (!fs.existsSync(found) || !fs.statSync(found).isFile()) {
    fail(`can't find file '${file}'`);
  }
  const said = /^virtual size: ([\d.]+[KMGT])/.exec(fs.readFileSync(found, "utf8").slice(0, 100))
    ?.[1];
  return bytesOf(said ?? "2G");
}

async function transfer(bytes) {
  const size = `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
  out(`transferred 0.0 B of ${size} (0.00%)\n`);
  await holdTask();
  out(`transferred ${size} of ${size} (100.00%)\n`);
}

/** Its own command up to 7.2, then an alias of `qm disk import`; not a worker. */
export const QM_IMPORT = {
  args: { vmid: VMID, source: TEXT, storage: STORAGE },
  options: { format: TEXT, ...(since(8, 3) ? { "target-disk": TEXT } : {}) },
  run: importDisk,
};

async function importDisk({ vmid, source, storage, "target-disk": target }) {
  const vm = findGuest("qemu", vmid) ?? fail(missingText("qemu", vmid), 2);
  const found = imageFile(source) ?? source;
  if (!fs.existsSync(found) || !fs.statSync(found).isFile()) {
    fail(`${source}: non-existent or non-regular file`);
  }
  if (!storageOf(storage).content.split(",").includes("images")) {
    fail(`storage ${storage} does not support vm images`);
  }
  checkUnlocked(vm, "VM");
  const bytes = imageSize(source);
  out(`importing disk '${source.split("/").at(-1)}' to VM ${vmid} ...\n`);
  const volid = newDisk(storage, vmid, bytes, []);
  await transfer(bytes);
  let n = 0;
  while (vm.config[`unused${n}`] !== undefined) n++;
  const key = target ?? `unused${n}`;
  vm.config[key] = target === undefined ? volid : `${volid},size=${sizeText(bytes)}`;
  saveGuest(vm);
  // Source: QS 60d7d9c of 2024-11.
  out(
    since(8, 3)
      ? `${key}: successfully imported disk '${volid}'\n`
      : `Successfully imported disk as '${key}:${volid}'\n`,
  );
}

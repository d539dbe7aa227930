/**
 * `pct create`, and what it has in common with the other commands that make guests. Sources: pve-container 94f5585 src/PVE/API2/LXC.pm:140-655, src/PVE/LXC.pm:2520-2690,
 * src/PVE/LXC/Create.pm; the output of LVM, mkfs and tar is from public logs.
 */
import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { badParameter, BOOL, choice, fail, integer, out, TEXT } from "./cli.mjs";
import { SUBUID } from "./namespace.mjs";
import {
  askPassword,
  CONTAINER_NETS,
  containerNet,
  joinedTags,
  parts,
  PASSWORD,
  readKeys,
  STORAGE,
  TAGS,
} from "./properties.mjs";
import {
  anyGuest,
  claimGuest,
  fault,
  node,
  removeGuest,
  root,
  rootfsDirectory,
  saveGuest,
  settings,
} from "./state.mjs";
import { early, holdTask, warn, worker } from "./task.mjs";
import {
  allocate,
  checkContent,
  createdLines,
  dropVolume,
  formattedLines,
  gibibytes,
  imageFile,
  removedLines,
  shownImage,
  sizeText,
  storageOf,
} from "./volumes.mjs";
import { since } from "./wording.mjs";

const MOUNTS = { type: "string", pattern: /^mp\d+$/ };

export const CREATE_OPTIONS = {
  arch: TEXT,
  cores: integer(1, 8192),
  cpulimit: TEXT,
  cpuunits: integer(0, 500_000),
  description: TEXT,
  features: TEXT,
  force: BOOL,
  hookscript: TEXT,
  hostname: { type: "string", format: "dnsname", max: 255 },
  memory: integer(16),
  mp0: MOUNTS,
  nameserver: TEXT,
  net0: CONTAINER_NETS,
  onboot: BOOL,
  ostype: choice("debian", "ubuntu", "centos", "fedora", "alpine", "archlinux", "unmanaged"),
  password: PASSWORD,
  pool: TEXT,
  protection: BOOL,
  rootfs: TEXT,
  searchdomain: TEXT,
  "ssh-public-keys": TEXT,
  start: BOOL,
  startup: TEXT,
  storage: STORAGE,
  swap: integer(0),
  tags: TAGS,
  template: BOOL,
  unique: BOOL,
  unprivileged: BOOL,
};

const NOT_CONFIG = new Set([
  ..."vmid ostemplate force password pool ssh-public-keys start storage unique unprivileged restore template"
    .split(" "),
]);

/** The missing ID: `CT 101 already exists on node 'pve'`, of the whole cluster. */
export function checkFree(id, prefix = "") {
  const taken = anyGuest(id);
  if (taken === undefined) return;
  const word = taken.kind === "lxc" ? "CT" : "VM";
  fail(`${prefix}${word} ${id} already exists on node '${taken.node}'`);
}

/** The same where another call has the ID, whose guest may not be written yet. */
export function refuseTaken(id, prefix, word) {
  checkFree(id, prefix);
  fail(`${prefix}${word} ${id} already exists on node '${node}'`);
}

export async function create(values, spec) {
  const { vmid, ostemplate } = values;
  early(() => checkCreate(values, spec));
  const password = askPassword(values.password);
  const keys = readKeys(values["ssh-public-keys"]);
  await worker(async () => {
    await made(values, "create", (ct) => {
      unpackTemplate(ct, ostemplate);
      if (password !== undefined) {
        ct.passwordHash = createHash("sha256").update(password).digest("hex");
      }
      if (keys !== undefined) writeKeys(ct, keys);
      newHostKeys(ct);
      nestingWarning(ct);
    });
    if (values.start === 1) out(`startup for container '${vmid}' failed\n`);
  });
}

function checkCreate(values, spec) {
  const { vmid, storage = "local", rootfs, ostemplate } = values;
  if (fault("noQuorum")) fail("cluster not ready - no quorum?");
  checkFree(vmid);
  const used = rootfs?.includes(":") ? rootfs.split(":")[0] : storage;
  checkContent(used, "rootdir", (text) => badParameter("pct", "create", spec, "storage", text));
  if (/^[^:/]+:/.test(ostemplate) && !/^[^:]+:vztmpl\//.test(ostemplate)) {
    fail(`unable to use volume ${ostemplate} - content type needs to be 'vztmpl'`);
  }
  if (Object.keys(values).some((key) => /^mp\d+$/.test(key)) && rootfs === undefined) {
    fail("mount points configured, but 'rootfs' not set - aborting");
  }
}

/**
 * Claims the ID, makes the disks and fills them. A failure or an interruption removes the disks first and then the
 * configuration, and says so on the way: a worker that dies of that leaves the rest.
 */
export async function made(values, what, fill) {
  const { vmid } = values;
  const prefix = `unable to ${what} CT ${vmid} - `;
  const ct = newGuest(values);
  if (!claimGuest(ct)) refuseTaken(vmid, prefix, "CT");
  const created = [];
  try {
    makeDisks(ct, values, created);
    await holdTask();
    fill(ct);
  } catch (error) {
    for (const volid of created) {
      dropVolume(volid);
      out(removedLines(volid));
    }
    removeGuest(ct);
    throw Object.assign(error, { message: `${prefix}${error.message}` });
  }
  delete ct.lock;
  saveGuest(ct);
}

function newGuest(values) {
  const given = Object.fromEntries(
    Object.entries(values).filter(([key, value]) => !NOT_CONFIG.has(key) && value !== undefined),
  );
  const config = {
    arch: "amd64",
    memory: 512,
    swap: 512,
    ...given,
    hostname: given.hostname ?? `CT${values.vmid}`,
    ostype: given.ostype ?? "debian",
  };
  for (const key of Object.keys(config)) {
    if (/^net\d+$/.test(key)) {
      config[key] = containerNet(config[key], { fresh: values.unique === 1 });
    }
  }
  if (config.tags !== undefined) config.tags = joinedTags(config.tags);
  // Source: CT 103068a of 2025-07 turned the default around for 9.0.
  const unprivileged = (values.unprivileged ?? (since(9, 0) ? 1 : 0)) === 1;
  if (unprivileged) config.unprivileged = 1;
  return {
    ...{ id: values.vmid, kind: "lxc", node, status: "stopped", snapshots: [], pending: {} },
    ...{ config, unprivileged, hasProcess: true, lock: "create" },
  };
}

function makeDisks(ct, { storage = "local", rootfs }, created) {
  const disks = Object.entries(ct.config).filter(([key]) => /^mp\d+$/.test(key));
  for (const [key, value] of [["rootfs", rootfs ?? "4"], ...disks]) {
    const fields = parts(String(value), "volume");
    const [, volume = ""] = fields.find(([name]) => name === "volume") ?? [];
    if (volume.startsWith("/")) continue;
    const [, named, size] = /^(?:([^:]+):)?([\d.]+)$/.exec(volume) ?? [];
    if (size === undefined) fail(`no such volume '${volume}'`);
    const bytes = gibibytes(size);
    const volid = newDisk(named ?? storage, ct.id, bytes, created);
    out(formattedLines(bytes));
    const rest = fields.filter(([name]) => name !== "volume" && name !== "size").map((field) =>
      field.join("=")
    );
    ct.config[key] = [volid, ...rest, `size=${sizeText(bytes)}`].join(",");
  }
  saveGuest(ct);
}

/** Thick LVM says that it is full; a thin pool takes everything, and what is written to it fails. */
export function newDisk(storage, vmid, bytes, created, word) {
  const { type } = storageOf(storage);
  const wanted = Math.ceil(bytes / 1024);
  if (fault("storageFull")?.includes(storage) && type !== "lvmthin") {
    fail(`not enough free space (1048576 < ${wanted})`);
  }
  const volid = allocate(storage, vmid, bytes, word);
  created.push(volid);
  out(createdLines(volid, bytes));
  return volid;
}

function unpackTemplate(ct, ostemplate) {
  const file = imageFile(ostemplate) ?? (fs.existsSync(ostemplate) ? ostemplate : undefined);
  // A missing template is found only now, with the disk made and formatted.
  if (file === undefined) fail(`can't find file '${ostemplate}'`);
  if (!fs.existsSync(file)) fail(`volume '${ostemplate}' does not exist`);
  out(`extracting archive '${shownImage(file)}'\n`);
  if (isFull(ct)) failFull(ct);
  copyBase(ct);
  out("Total bytes read: 519987200 (496MiB, 233MiB/s)\n");
  out("Detected container architecture: amd64\n");
}

export const isFull = (ct) =>
  fault("storageFull")?.some((name) => ct.config.rootfs.startsWith(`${name}:`));

/** Source: thushan/proxmox-vm-to-ct#2 and tteck/Proxmox#3762, but for the first line. */
export function failFull({ id, unprivileged }) {
  out("tar: ./usr/lib/x: Cannot write: No space left on device\n");
  out("Total bytes read: 1030942720 (984MiB, 210MiB/s)\n");
  out("tar: Exiting with failure status due to previous errors\n");
  const mapped = unprivileged ? "lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- " : "";
  fail(
    `command '${mapped}tar xpf - --zstd --totals --one-file-system -p --sparse --numeric-owner --acls --xattrs ` +
      `'--xattrs-include=user.*' '--xattrs-include=security.capability' '--warning=no-file-ignored' ` +
      `'--warning=no-xattr-write' -C /var/lib/lxc/${id}/rootfs --skip-old-files --anchored --exclude './dev/*'' ` +
      "failed: exit code 2",
  );
}

function copyBase(ct) {
  const base = path.join(root, "template/base");
  if (fs.existsSync(base)) runTool("cp", ["-a", base, rootfsDirectory(ct.id)]);
  else fs.mkdirSync(rootfsDirectory(ct.id), { recursive: true });
  ownByRoot(ct);
  writeIn(ct, "etc/hostname", `${ct.config.hostname}\n`);
}

function ownByRoot(ct) {
  if (!ct.unprivileged || settings.isolation !== "namespaces") return;
  runTool("chown", ["-hR", `${SUBUID}:${SUBUID}`, rootfsDirectory(ct.id)]);
}

export function runTool(program, args) {
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
}

function writeIn(ct, name, text) {
  const file = path.join(rootfsDirectory(ct.id), name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  if (ct.unprivileged && settings.isolation === "namespaces") fs.chownSync(file, SUBUID, SUBUID);
}

function writeKeys(ct, keys) {
  writeIn(ct, "root/.ssh/authorized_keys", keys);
}

/** In the random order of Perl's hashes; up to 8.x also a DSA key. */
function newHostKeys(ct) {
  const types = ["rsa", "ecdsa", "ed25519", ...(since(9, 0) ? [] : ["dsa"])];
  for (const type of types) {
    const key = randomBytes(32).toString("base64").replace(/=+$/, "");
    out(`Creating SSH host key 'ssh_host_${type}_key' - this may take some time ...\n`);
    out(`done: SHA256:${key} root@${ct.config.hostname}\n`);
    writeIn(ct, `etc/ssh/ssh_host_${type}_key`, `${key}\n`);
  }
}

/** Source: CT 46f7fb0 and c4e1e24 of 2026-01, LXC/Setup/Base.pm:659-676. */
export function nestingWarning({ config }) {
  if (!since(9, 1) || /nesting=1/.test(config.features ?? "")) return;
  warn("Systemd 257 detected. You may need to enable nesting.");
}

/**
 * Volumes of the storages: disks, templates and ISO images. A disk is a file that only says how large it is;
 * a template or an image is a sparse file.
 *
 * Texts of LVM and the file system are from public logs; the rest is from pve-storage 0c56bad.
 */
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fail } from "./cli.mjs";
import { bytesOf, storages } from "./status.mjs";
import { root } from "./state.mjs";
import { since } from "./wording.mjs";

const GIB = 1024 ** 3;

/** The word for what a storage must be able to hold, as error texts name it. */
const CONTENT_WORDS = { rootdir: "container directories", images: "vm images" };

/** Returns a storage. Ends the command if it does not exist. */
export const storageOf = (name) =>
  storages().find(({ storage }) => storage === name) ?? fail(`storage '${name}' does not exist`);

/** Ends with the text of a 400 answer unless a storage may hold this. Source: CT API2/LXC.pm, QS API2/Qemu.pm. */
export function checkContent(name, content, refuse) {
  if (storageOf(name).content.split(",").includes(content)) return;
  refuse(`storage '${name}' does not support ${CONTENT_WORDS[content]}`);
}

const directory = (storage) => path.join(root, "volumes", storage);

const fileOf = (volid) => {
  const [storage, name] = split(volid);
  return path.join(directory(storage), encodeURIComponent(name));
};

const split = (volid) => {
  const [storage, ...rest] = volid.split(":");
  return [storage, rest.join(":")];
};

/** Makes a disk and returns its volume ID. `word` is `disk`, `cloudinit` or, of templates, `base`. */
export function allocate(storage, vmid, bytes, word = "disk") {
  const { type } = storageOf(storage);
  for (let n = 0;; n++) {
    const base = word === "cloudinit" ? `vm-${vmid}-cloudinit` : `vm-${vmid}-disk-${n}`;
    const volid = type === "dir" ? `${storage}:${vmid}/${base}.raw` : `${storage}:${base}`;
    if (!create(volid, { vmid, bytes })) {
      if (word === "cloudinit") fail(`volume '${volid}' already exists`);
      continue;
    }
    return volid;
  }
}

/** Notes a disk that a configuration names already; false if it is known. */
export function create(volid, facts) {
  fs.mkdirSync(directory(split(volid)[0]), { recursive: true });
  try {
    fs.writeFileSync(fileOf(volid), JSON.stringify(facts), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    return false;
  }
}

export const volumeExists = (volid) => fs.existsSync(fileOf(volid));

export const dropVolume = (volid) => fs.rmSync(fileOf(volid), { force: true });

/** The disks of a storage. */
export function disks(storage, vmid) {
  if (!fs.existsSync(directory(storage))) return [];
  return fs.readdirSync(directory(storage)).sort().map((file) => {
    const facts = JSON.parse(fs.readFileSync(path.join(directory(storage), file), "utf8"));
    const volid = `${storage}:${decodeURIComponent(file)}`;
    return {
      content: facts.kind === "lxc" ? "rootdir" : "images",
      format: "raw",
      size: facts.bytes,
      vmid: facts.vmid,
      volid,
    };
  }).filter((disk) => vmid === undefined || disk.vmid === vmid);
}

const logicalName = (volid) => split(volid)[1];
const isLvm = (volid) =>
  storages().find(({ storage }) => storage === split(volid)[0])?.type === "lvmthin";

/** What is printed when a disk is made. 9.0 added the second line (pve-storage 2796d6b). */
export function createdLines(volid, bytes) {
  if (!isLvm(volid)) {
    const name = logicalName(volid);
    return `Formatting '/var/lib/vz/images/${name}', fmt=raw size=${bytes} preallocation=off\n`;
  }
  const name = logicalName(volid);
  return `  Logical volume "${name}" created.\n` +
    (since(9, 0) ? `  Logical volume pve/${name} changed.\n` : "");
}

export const removedLines = (volid) =>
  isLvm(volid) ? `  Logical volume "${logicalName(volid)}" successfully removed.\n` : "";

/** What mkfs.ext4 prints for a container's disk. Source: public logs. */
export function formattedLines(bytes) {
  const blocks = Math.floor(bytes / 4096);
  return `Creating filesystem with ${blocks} 4k blocks and ${Math.floor(blocks / 4)} inodes\n` +
    `Filesystem UUID: ${randomUUID()}\nSuperblock backups stored on blocks: \n` +
    "\t32768, 98304, 163840, 229376, 294912, 819200, 884736, 1605632\n\n";
}

/** `8` or `8.5` is in GiB in an option like `--rootfs local-lvm:8`; in a configuration sizes have units. */
export const gibibytes = (text) => Math.round(Number(text) * GIB);

export const sizeText = (bytes) =>
  bytes % GIB === 0
    ? `${bytes / GIB}G`
    : bytes % (GIB / 1024) === 0
    ? `${bytes / (GIB / 1024)}M`
    : `${Math.ceil(bytes / 1024)}K`;

/** The volumes that a configuration names, by key: disks, also unused ones. */
export function volumesOf(config) {
  return Object.entries(config).flatMap(([key, value]) => {
    if (!/^(rootfs|mp\d+|unused\d+|(scsi|virtio|sata|ide|efidisk|tpmstate)\d+)$/.test(key)) {
      return [];
    }
    const volid = String(value).split(",")[0].replace(/^volume=/, "");
    if (!/^[a-z][\w.-]*:/i.test(volid) || /:(iso|vztmpl)\//.test(volid)) return [];
    const size = /(?:^|,)size=([\d.]+[KMGT]?)/.exec(value)?.[1] ?? "4M";
    return [{ key, volid, bytes: bytesOf(size) }];
  });
}

/** Templates and ISO images of a directory storage: files that have the size they are said to have. */
export function imageFile(volid) {
  const [, kind, name] = /^[^:]+:(vztmpl|iso)\/(.*)$/.exec(volid) ?? [];
  if (kind === undefined) return undefined;
  return path.join(root, kind === "iso" ? "template/iso" : "template/cache", name);
}

/** As the programs print the place of a template. */
export const shownImage = (file) => file.replace(root, "/var/lib/vz");

const FORMATS = { zst: "tzst", gz: "tgz", xz: "txz" };

export function images(storage, kind) {
  if (!storageOf(storage).content.split(",").includes(kind)) return [];
  const folder = path.join(root, kind === "iso" ? "template/iso" : "template/cache");
  if (storage !== "local" || !fs.existsSync(folder)) return [];
  return fs.readdirSync(folder).filter((name) => !/\.tmp_dwnl\./.test(name)).sort().map((name) => ({
    content: kind,
    format: kind === "iso" ? "iso" : FORMATS[name.split(".").at(-1)] ?? "tar",
    size: fs.statSync(path.join(folder, name)).size,
    volid: `${storage}:${kind}/${name}`,
  }));
}

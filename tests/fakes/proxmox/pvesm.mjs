/** `pvesm`. Source: pve-storage 0c56bad src/PVE/CLI/pvesm.pm:192-278, 634-656. */
import fs from "node:fs";
import path from "node:path";
import { fail, findCommand, out, parse, TEXT } from "./cli.mjs";
import { storages } from "./status.mjs";
import { root } from "./state.mjs";
import { nowRunning, worker } from "./task.mjs";
import { backups } from "./vzdump.mjs";
import {
  disks,
  dropVolume,
  imageFile,
  images,
  removedLines,
  storageOf,
  volumeExists,
} from "./volumes.mjs";
import { since } from "./wording.mjs";

const integerOption = { type: "integer", format: "vmid" };

const PVESM = {
  free: { args: { volume: TEXT }, options: { delay: TEXT }, run: free },
  list: { args: { storage: TEXT }, options: { content: TEXT, vmid: integerOption }, run: list },
  path: { args: { volume: TEXT }, run: ({ volume }) => out(`${pathOf(volume)}\n`) },
  status: { options: { content: TEXT, enabled: TEXT, storage: TEXT, target: TEXT }, run: status },
};

export async function pvesm(argv) {
  nowRunning("pvesm", argv);
  const name = findCommand("pvesm", PVESM, [Object.keys(PVESM)], argv[0]);
  await PVESM[name].run(parse("pvesm", name, PVESM[name], argv.slice(1)));
}

/** The path of a template or an image, also of one that does not exist; here it is one of this machine. */
function pathOf(volume) {
  storageOf(volume.split(":")[0]);
  return imageFile(volume) ?? `/dev/pve/${volume.split(":")[1]}`;
}

/** Everything on a storage, as `/nodes/N/storage/S/content` answers too. */
export function volumes(storage, { content, vmid }) {
  return [
    ...backups(storage, vmid),
    ...(vmid === undefined ? [...images(storage, "iso"), ...images(storage, "vztmpl")] : []),
    ...disks(storage, vmid),
  ].filter((volume) => content === undefined || volume.content === content);
}

function list({ storage, content, vmid }) {
  storageOf(storage);
  const rows = volumes(storage, { content, vmid });
  const width = Math.max(5, ...rows.map(({ volid }) => volid.length));
  const row = (volid, format, type, size, id) =>
    `${volid.padEnd(width)} ${format.padEnd(7)} ${type.padEnd(9)} ${size.padStart(12)} ${id}\n`;
  out(row("Volid", "Format", "Type", "Size", "VMID"));
  // Those with an owner come first, in the order of the storage; the others end after their size.
  for (const { volid, format, content, size, vmid: id } of rows.filter(({ vmid }) => vmid)) {
    out(row(volid, format, content, String(size), String(id)));
  }
  const free = rows.filter(({ vmid }) => !vmid).sort((a, b) => a.format < b.format ? -1 : 1);
  for (const { volid, format, content, size } of free) {
    out(row(volid, format, content, String(size), "").replace(/ \n$/, "\n"));
  }
}

function status({ storage, content }) {
  const shown = storages().filter((entry) =>
    (storage === undefined || storage === entry.storage) &&
    (content === undefined || entry.content.split(",").includes(content))
  );
  const width = Math.max(4, ...storages().map((entry) => entry.storage.length));
  const row = (name, type, state, ...numbers) => {
    const [total, used, free, percent] = numbers;
    return `${name.padEnd(width)} ${type.padStart(10)} ${state.padStart(10)} ${
      total.padStart(15)
    } ` +
      `${used.padStart(15)} ${free.padStart(15)} ${percent.padStart(8)}\n`;
  };
  // Source: pve-storage 10e47fc of 2025-10.
  const unit = since(9, 1) ? " (KiB)" : "";
  out(row("Name", "Type", "Status", `Total${unit}`, `Used${unit}`, `Available${unit}`, "%"));
  for (const { storage: name, type, total, used, active } of shown) {
    if (active === 0) {
      out(row(name, type, "inactive", "0", "0", "0", "0.00%"));
      continue;
    }
    const kib = [total, used, total - used].map((bytes) => String(bytes / 1024));
    out(row(name, type, "active", ...kib, `${(used / total * 100).toFixed(2)}%`));
  }
}

/** Exit code 0 also when it fails: no hook. */
async function free({ volume }) {
  await worker(() => {
    const name = /^local:backup\/(.*)$/.exec(volume)?.[1];
    if (name !== undefined) return freeFile(path.join(root, "dump", name), volume);
    const image = imageFile(volume);
    if (image !== undefined) return freeFile(image, volume);
    if (!volumeExists(volume)) fail(`volume '${volume}' does not exist`);
    dropVolume(volume);
    out(removedLines(volume));
    out(`Removed volume '${volume}'\n`);
  }, { hook: false });
}

function freeFile(file, volume) {
  if (fs.existsSync(`${file}.protected`)) {
    fail(`cannot remove protected volume '${volume}' on 'local'`);
  }
  fs.rmSync(file, { force: true });
  out(`Removed volume '${volume}'\n`);
}

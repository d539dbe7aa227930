/** `vzdump` and its archives. Source: pve-manager 14a22df PVE/VZDump.pm:1060-1492; pve-storage 0c56bad. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { BOOL, choice, Exit, fail, out, parse, TEXT } from "./cli.mjs";
import { formatTime } from "./snapshots.mjs";
import { STORAGES } from "./status.mjs";
import {
  anyGuest,
  fault,
  faultFor,
  isRunning,
  nameOf,
  node,
  root,
  rootfsDirectory,
} from "./state.mjs";
import { startGuest } from "./snapshots.mjs";
import { stopGuest } from "./lifecycle.mjs";
import { holdTask, nowRunning, withConfigLock, worker } from "./task.mjs";

const OPTIONS = {
  all: BOOL,
  compress: choice("0", "1", "gzip", "lzo", "zstd"),
  dumpdir: TEXT,
  mailto: TEXT,
  mode: choice("snapshot", "suspend", "stop"),
  "notes-template": TEXT,
  protected: BOOL,
  "prune-backups": TEXT,
  quiet: BOOL,
  remove: BOOL,
  storage: TEXT,
  tmpdir: TEXT,
  zstd: TEXT,
};

const ENDINGS = { gzip: ".gz", 1: ".lzo", lzo: ".lzo", zstd: ".zst" };

/** The lines are printed by a worker: on stdout. A guest of another node is left out in silence. */
export async function vzdump(argv) {
  const spec = { extra: "vmid", options: OPTIONS };
  const { vmid: words, ...options } = parse("vzdump", "", spec, argv);
  const ids = words.flatMap((word) => word.split(/[,;\s]+/)).filter((word) => word !== "");
  if (ids.length === 0 && options.all !== 1) {
    throw new Exit(
      255,
      "400 Parameter verification failed.\nvmid: property is missing and it is not optional\n",
    );
  }
  for (const id of ids) {
    if (/^[1-9]\d{2,8}$/.test(id)) continue;
    throw new Exit(
      255,
      `400 Parameter verification failed.\nvmid: invalid format - value does not look like a valid VM ID\n\n`,
    );
  }
  const directory = dumpDirectory(options);
  const guests = ids.map((id) => anyGuest(id) ?? { id: Number(id), node, missing: true });
  const here = guests.filter((guest) => guest.node === node);
  if (here.length === 0) return;
  nowRunning("vzdump", argv);
  await worker(() => backUpAll(here, options, directory, argv));
}

async function backUpAll(here, options, directory, argv) {
  const log = options.quiet === 1 ? () => {} : (text) => out(`${text}\n`);
  log(`INFO: starting new backup job: vzdump ${argv.join(" ")}`);
  let failed = false;
  for (const guest of here) failed = !await backUp(guest, options, directory, log) || failed;
  log(`INFO: Backup job finished ${failed ? "with errors" : "successfully"}`);
  if (failed) fail("job errors");
}

/** The `dumpdir` of vzdump.conf counts unless the call names a storage. */
function dumpDirectory({ storage: named, dumpdir = named ? undefined : fault("dumpdir") }) {
  if (dumpdir !== undefined) return dumpdir;
  const storage = named ?? "local";
  const known = STORAGES.find((entry) => entry.storage === storage);
  if (!known) {
    fail(`could not get storage information for '${storage}': storage '${storage}' does not exist`);
  }
  if (!known.content.includes("backup")) {
    fail(
      `could not get storage information for '${storage}': can't use storage type '${known.type}' for backup`,
    );
  }
  return path.join(root, "dump");
}

async function backUp(guest, options, directory, log) {
  const from = Date.now();
  log(`INFO: Starting Backup of VM ${guest.id} (${guest.missing ? "unknown" : guest.kind})`);
  log(`INFO: Backup started at ${formatTime(new Date())}`);
  try {
    if (guest.missing) fail(`unable to find VM '${guest.id}'`);
    await archive(guest, options, directory, log);
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    log(`ERROR: Backup of VM ${guest.id} failed - ${error.message.trimEnd()}`);
    log(`INFO: Failed at ${formatTime(new Date())}`);
    return false;
  }
  const seconds = Math.round((Date.now() - from) / 1000);
  log(`INFO: Finished Backup of VM ${guest.id} (00:00:${String(seconds).padStart(2, "0")})`);
  log(`INFO: Backup finished at ${formatTime(new Date())}`);
  return true;
}

async function archive(guest, { mode = "snapshot", compress = "0" }, directory, log) {
  const wasRunning = isRunning(guest);
  const used = wasRunning ? mode : "stop";
  log(`INFO: status = ${wasRunning ? "running" : "stopped"}`);
  const name = () => log(`INFO: ${guest.kind === "lxc" ? "CT" : "VM"} Name: ${nameOf(guest)}`);
  const mounts = () =>
    guest.kind === "lxc" && log("INFO: including mount point rootfs ('/') in backup");
  if (used === "snapshot") {
    name();
    mounts();
  }
  log(`INFO: backup mode: ${used}`);
  log("INFO: ionice priority: 7");
  if (used !== "snapshot") {
    name();
    mounts();
  }
  if (guest.lock) fail(`${guest.kind === "lxc" ? "CT" : "VM"} is locked (${guest.lock})`);
  if (faultFor("backupFails", guest.id)) fail("command 'tar cpf - …' failed: exit code 2");
  await withConfigLock(guest, "backup", async () => {
    if (used === "stop" && wasRunning) {
      log("INFO: stopping vm");
      await stopGuest(guest);
    }
    if (used === "snapshot") log("INFO: create storage snapshot 'vzdump'");
    const file = path.join(directory, archiveName(guest, compress));
    log(`INFO: creating vzdump archive '${shownPath(file)}'`);
    await holdTask((percent) => log(`INFO: ${formatPercent(percent)}`));
    const size = writeArchive(guest, file);
    saveConfig(guest, file);
    if (fault("protectBackups")) fs.writeFileSync(`${file}.protected`, "");
    log(`INFO: Total bytes written: ${size} (${formatSize(size)}, 27MiB/s)`);
    log(`INFO: archive file size: ${formatSize(size)}`);
    if (used === "snapshot") log("INFO: cleanup temporary 'vzdump' snapshot");
  }, () => {});
  if (used === "stop" && wasRunning) {
    log("INFO: restarting vm");
    await startGuest(guest);
  }
}

/** Source: qemu-server e6352be src/PVE/VZDump/QemuServer.pm, the line that a VM's backup repeats. */
const formatPercent = (percent) =>
  `${
    String(percent).padStart(3)
  }% (${percent}.0 GiB of 100.0 GiB) in 3s, read: 1.0 GiB/s, write: 1.0 GiB/s`;

const shownPath = (file) => file.replace(path.join(root, "dump"), "/var/lib/vz/dump");

function archiveName(guest, compress) {
  const stamp = formatTime(new Date()).replace(" ", "-").replaceAll(":", "_")
    .replace(/^(\d+)-(\d+)-(\d+)/, "$1_$2_$3");
  const ending = `${guest.kind === "lxc" ? ".tar" : ".vma"}${ENDINGS[compress] ?? ""}`;
  return `vzdump-${guest.kind}-${guest.id}-${stamp}${ending}`;
}

/** Writes a plain tar file, whatever its extension; for a guest without files, its configuration. */
function writeArchive(guest, file) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const directory = rootfsDirectory(guest.id);
  const source = fs.existsSync(directory) ? directory : path.dirname(directory);
  const made = spawnSync("tar", [
    "-cf",
    file,
    "--exclude=./proc",
    "--exclude=./dev",
    "-C",
    source,
    ".",
  ]);
  if (made.status !== 0) fail("command 'tar' failed: exit code 2");
  return fs.statSync(file).size;
}

const configFile = (file) => path.join(root, "dump-configs", `${path.basename(file)}.json`);

/** What a real archive has inside: the configuration, without snapshots and unused disks. */
function saveConfig({ kind, config, unprivileged, hasProcess, template }, file) {
  fs.mkdirSync(path.dirname(configFile(file)), { recursive: true });
  const kept = Object.fromEntries(
    Object.entries(config).filter(([key]) => !/^unused\d+$/.test(key)),
  );
  const facts = { kind, config: kept, unprivileged, hasProcess, template };
  fs.writeFileSync(configFile(file), JSON.stringify(facts));
}

export function savedConfig(file) {
  try {
    return JSON.parse(fs.readFileSync(configFile(file), "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** The file of a volume ID, of a path as vzdump prints it, or of a path of this machine. */
export function backupNamed(archive) {
  const name = /^local:backup\/(.*)$/.exec(archive)?.[1] ??
    /^\/var\/lib\/vz\/dump\/(.*)$/.exec(archive)?.[1];
  const file = name === undefined ? archive : path.join(root, "dump", name);
  return fs.existsSync(file) ? file : undefined;
}

/** KB and MB as integers, GB and TB with two decimals. */
function formatSize(bytes) {
  const units = ["KB", "MB", "GB", "TB"];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < 3) [value, unit] = [value / 1024, unit + 1];
  return `${unit < 2 ? Math.round(value) : value.toFixed(2)}${units[unit]}`;
}

/** The backups of one storage: volume ids, formats, sizes, ids and times. */
export function backups(storage, vmid) {
  const directory = path.join(root, "dump");
  if (storage !== "local" || !fs.existsSync(directory)) return [];
  return fs.readdirSync(directory).sort().flatMap((name) => {
    const match = /^vzdump-(lxc|qemu)-(\d+)-.*?\.((?:tar|vma)(?:(?!\.protected$).)*)$/.exec(name);
    if (!match || (vmid !== undefined && Number(match[2]) !== vmid)) return [];
    const { size, mtimeMs } = fs.statSync(path.join(directory, name));
    return [{
      content: "backup",
      ctime: Math.floor(mtimeMs / 1000),
      format: match[3],
      size,
      subtype: match[1],
      vmid: Number(match[2]),
      volid: `local:backup/${name}`,
      // Source: pve-storage 0c56bad src/PVE/Storage/Plugin.pm, protection_file_path.
      ...(fs.existsSync(path.join(directory, `${name}.protected`)) ? { protected: 1 } : {}),
    }];
  });
}

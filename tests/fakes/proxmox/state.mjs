/** What the stand-in knows: a directory with one folder a guest, fault switches and a call log. */
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { formatConfigFile } from "./config_file.mjs";

export const root = process.env.PVE_FAKE_ROOT ?? "";
export const settings = root === ""
  ? { node: "pve", isolation: "none" }
  : JSON.parse(fs.readFileSync(path.join(root, "settings.json"), "utf8"));
export const node = settings.node;

export const guestDirectory = (id) => path.join(root, "guests", String(id));
export const rootfsDirectory = (id) => path.join(guestDirectory(id), "rootfs");

let pending;
let wake = () => {};

/** Ends after a while, or in a worker with the error of an interruption. */
export const sleep = (ms) =>
  new Promise((resolve, reject) => {
    const done = (settle, value) => {
      wake = () => {};
      settle(value);
    };
    const timer = setTimeout(done, ms, resolve);
    wake = () => {
      if (pending === undefined) return;
      clearTimeout(timer);
      done(reject, pending);
      pending = undefined;
    };
    wake();
  });

/** Makes the wait that is under way, or the next one, fail: a task waits in one place at a time. */
export function interrupt(error) {
  pending = error;
  wake();
}

/** The value of a fault switch, `undefined` when it is off. */
export function fault(name) {
  try {
    return JSON.parse(fs.readFileSync(path.join(root, "faults", name), "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whether a switch that is `true`, or a list of ids, is on for this guest. */
export function faultFor(name, id) {
  const value = fault(name);
  return Array.isArray(value) ? value.includes(Number(id)) : value === true;
}

export function logCall(program, args) {
  const line = `${JSON.stringify({ program, args })}\n`;
  fs.appendFileSync(path.join(root, "calls.jsonl"), line);
}

/** Every guest of the cluster, by id. */
export function allGuests() {
  return fs.readdirSync(path.join(root, "guests")).map(Number).filter((id) => id > 0)
    .sort((a, b) => a - b).map(loadGuest).filter((guest) => guest !== undefined);
}

/** The guests of one kind that this node knows. */
export const localGuests = (kind) =>
  allGuests().filter((guest) => guest.kind === kind && guest.node === node);

function loadGuest(id) {
  try {
    const text = fs.readFileSync(path.join(guestDirectory(id), "state.json"), "utf8");
    return JSON.parse(text);
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** A guest of this node, or `undefined`: pct and qm know no others. */
export function findGuest(kind, id) {
  const guest = loadGuest(id);
  return guest?.kind === kind && guest.node === node ? guest : undefined;
}

/** A guest of any node and kind. */
export const anyGuest = (id) => loadGuest(id);

export const missingText = (kind, id) =>
  `Configuration file 'nodes/${node}/${
    kind === "lxc" ? "lxc" : "qemu-server"
  }/${id}.conf' does not exist`;

export function saveGuest(guest) {
  const file = path.join(guestDirectory(guest.id), "state.json");
  fs.writeFileSync(`${file}.${process.pid}`, JSON.stringify(guest, null, 2));
  fs.renameSync(`${file}.${process.pid}`, file);
  writeEtcPve(guest);
}

/** Saves a new guest; false if its ID is taken, also by a call that is a moment ahead. */
export function claimGuest(guest) {
  try {
    fs.mkdirSync(guestDirectory(guest.id));
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
  saveGuest(guest);
  return true;
}

export function removeGuest(guest) {
  const directory = guestDirectory(guest.id);
  const gone = path.join(root, `removed-${guest.id}-${process.pid}`);
  // Moved first: the agent's processes may still write results, and a directory that grows cannot be removed.
  if (fs.existsSync(directory)) fs.renameSync(directory, gone);
  fs.rmSync(gone, { recursive: true, force: true });
  fs.rmSync(configPath(guest), { force: true });
  writeVmList();
}

export const digest = (guest) => createHash("sha1").update(formatConfigFile(guest)).digest("hex");

const configPath = (guest) =>
  path.join(
    ...[root, "etc/pve/nodes", guest.node],
    guest.kind === "lxc" ? "lxc" : "qemu-server",
    `${guest.id}.conf`,
  );

/** The files under /etc/pve, in the state directory; nothing reads them back. */
function writeEtcPve(guest) {
  const file = configPath(guest);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, formatConfigFile(guest));
  writeVmList();
}

function writeVmList() {
  const ids = {};
  for (const { id, kind, node } of allGuests()) ids[id] = { node, type: kind, version: 1 };
  fs.writeFileSync(path.join(root, "etc/pve/.vmlist"), JSON.stringify({ version: 1, ids }));
}

/** A process start time in clock ticks, so that a reused pid is not taken for a guest's init. */
export function processStart(pid) {
  try {
    const fields = fs.readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export function isRunning(guest) {
  if (guest.node !== node || !guest.hasProcess) return guest.status === "running";
  return guest.init !== undefined && processStart(guest.init.pid) === guest.init.start;
}

export const statusOf = (guest) => {
  if (isRunning(guest)) return guest.paused ? "paused" : "running";
  return "stopped";
};

/** As both programs show it: a CT without a hostname is `CT104`, a VM `VM 104`. */
export function nameOf(guest) {
  const name = guest.config[guest.kind === "lxc" ? "hostname" : "name"];
  if (guest.kind === "lxc") return name === undefined ? `CT${guest.id}` : name.replace(/\s/g, "");
  return name ?? `VM ${guest.id}`;
}

/**
 * Tasks by UPID: a file with the facts and one with the log. Sources: pve-common f665029 src/PVE/UPID.pm:18-44,
 * RESTEnvironment.pm:300-400; pve-manager 14a22df PVE/API2/Tasks.pm.
 */
import fs from "node:fs";
import path from "node:path";
import { fail } from "./cli.mjs";
import process from "node:process";
import { node, processStart, root } from "./state.mjs";

const folder = path.join(root, "tasks");
const fileOf = (upid) => path.join(folder, encodeURIComponent(upid));
const logOf = (upid) => path.join(root, "task-logs", encodeURIComponent(upid));

/** The type of a task by the command that starts it. Source: CT and QS API2, `fork_worker`. */
const TYPES = {
  pct: {
    clone: "vzclone",
    create: "vzcreate",
    delsnapshot: "vzdelsnapshot",
    destroy: "vzdestroy",
    migrate: "vzmigrate",
    reboot: "vzreboot",
    resize: "resize",
    restore: "vzrestore",
    resume: "vzresume",
    rollback: "vzrollback",
    shutdown: "vzshutdown",
    snapshot: "vzsnapshot",
    start: "vzstart",
    stop: "vzstop",
    suspend: "vzsuspend",
    template: "vztemplate",
  },
  qm: {
    clone: "qmclone",
    create: "qmcreate",
    delsnapshot: "qmdelsnapshot",
    destroy: "qmdestroy",
    migrate: "qmigrate",
    reboot: "qmreboot",
    reset: "qmreset",
    resize: "resize",
    resume: "qmresume",
    rollback: "qmrollback",
    shutdown: "qmshutdown",
    snapshot: "qmsnapshot",
    start: "qmstart",
    stop: "qmstop",
    suspend: "qmsuspend",
    template: "qmtemplate",
  },
  qmrestore: "qmrestore",
  pveam: { download: "download" },
  pvesm: { free: "imgdel" },
  vzdump: "vzdump",
};

/** The type and the ID of the task that a command line starts. A clone is a task of its source. */
function described([program, ...argv]) {
  const known = TYPES[program];
  const name = typeof known === "object"
    ? Object.keys(known).find((name) => name === argv[0]) ??
      Object.keys(known).find((name) => name.startsWith(argv[0]))
    : undefined;
  const ids = argv.filter((word, index) =>
    /^\d{3,9}$/.test(word) && !/^-/.test(argv[index - 1] ?? "")
  );
  return {
    type: typeof known === "object" ? known[name] ?? `${program}${argv[0]}` : known ?? program,
    id: program === "pveam" || program === "pvesm" || ids.length > (program === "vzdump" ? 1 : 9)
      ? ""
      : ids[0] ?? "",
  };
}

/** Notes a task that begins. `log` and `close` are what its parent does with it. */
export function openTask(commandLine, pid, pstart) {
  const { type, id } = described(commandLine);
  const upid = writeFacts({ type, id, pid, pstart: Number(pstart ?? 0) });
  return {
    upid,
    log: (chunk) => fs.appendFileSync(logOf(upid), chunk),
    close: (status) => endTask(upid, status),
  };
}

/** Notes a task of pvesh, which ends at once. */
export function writeTask({ type, id, exitstatus, pid }) {
  const upid = writeFacts({ type, id, pid, pstart: 0x1a2b3c });
  endTask(upid, exitstatus);
  return upid;
}

function writeFacts({ type, id, pid, pstart }) {
  const starttime = Math.floor(Date.now() / 1000);
  const hex = (value) => value.toString(16).toUpperCase().padStart(8, "0");
  const upid = `UPID:${node}:${hex(pid)}:${hex(pstart)}:${hex(starttime)}:${type}:${id}:root@pam:`;
  for (const name of ["tasks", "task-logs"]) {
    fs.mkdirSync(path.join(root, name), { recursive: true });
  }
  fs.writeFileSync(logOf(upid), "");
  save({ id: String(id), node, pid, pstart, starttime, type, upid, user: "root@pam" });
  return upid;
}

function save(facts) {
  const file = fileOf(facts.upid);
  fs.writeFileSync(`${file}.new`, JSON.stringify(facts));
  fs.renameSync(`${file}.new`, file);
}

/** @param status `OK`, `WARNINGS: 1` or the text of the error */
function endTask(upid, status) {
  const last = /^(OK$|WARNINGS: )/.test(status) ? `TASK ${status}` : `TASK ERROR: ${status}`;
  fs.appendFileSync(logOf(upid), `${last}\n`);
  save({ ...read(upid), exitstatus: status, endtime: Math.floor(Date.now() / 1000) });
}

function read(upid) {
  try {
    return JSON.parse(fs.readFileSync(fileOf(upid), "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

const isAlive = ({ pid, pstart }) => processStart(pid) === String(pstart);

/** As `/nodes/N/tasks/UPID/status` answers. A task that died without a verdict is `unexpected status`. */
function statusOf({ exitstatus, endtime: _endtime, ...facts }) {
  if (exitstatus === undefined && isAlive(facts)) return { ...facts, status: "running" };
  return { ...facts, exitstatus: exitstatus ?? "unexpected status", status: "stopped" };
}

/** Returns status and log of one task. Ends the command if there is none. */
export function readTask(upid) {
  const facts = read(upid) ?? fail("400 Parameter verification failed.\nupid: no such task", 2);
  const lines = fs.readFileSync(logOf(upid), "utf8").split("\n").filter((line) => line !== "");
  const shown = lines.length === 0 ? ["no content"] : lines;
  return { status: statusOf(facts), log: shown.map((t, index) => ({ n: index + 1, t })) };
}

/** Returns the process that started a worker and notes how it has ended; 1 if that one has gone. */
function parentOf(pid) {
  try {
    return Number(fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ")[1]);
  } catch {
    return 1;
  }
}

/** Stops a task as pvesh does: TERM to its session, KILL after five seconds. A finished one is left alone. */
export async function stopTask(upid, wait) {
  const facts = read(upid) ?? fail("400 Parameter verification failed.\nupid: no such task", 2);
  if (facts.exitstatus !== undefined || !isAlive(facts)) return;
  const parent = parentOf(facts.pid);
  process.kill(-facts.pid, "SIGTERM");
  for (let waited = 0; waited < 500 && isAlive(facts); waited++) await wait(10);
  if (isAlive(facts)) process.kill(-facts.pid, "SIGKILL");
  const isNoted = () =>
    read(upid).exitstatus !== undefined || parent === 1 || !processStart(parent);
  for (let waited = 0; waited < 500 && !isNoted(); waited++) await wait(10);
}

/**
 * Tasks, the newest first, as `/nodes/N/tasks` lists them. Those that run have status RUNNING and no endtime.
 *
 * @param source `archive` (the default of Proxmox VE), `active` or `all`
 */
export function listTasks({ source = "archive", vmid, typefilter, errors, limit = 50, start = 0 }) {
  if (!fs.existsSync(folder)) return [];
  const all = fs.readdirSync(folder).filter((name) => !name.endsWith(".new"))
    .map((name) => read(decodeURIComponent(name))).filter((task) => task !== undefined)
    .map((task) => {
      if (task.exitstatus === undefined && isAlive(task)) return { ...task, status: "RUNNING" };
      const { exitstatus = "unexpected status", endtime = task.starttime, ...facts } = task;
      return { ...facts, endtime, status: exitstatus };
    });
  return all.filter((task) =>
    (source === "all" || (source === "active") === (task.status === "RUNNING")) &&
    (vmid === undefined || task.id === String(vmid)) &&
    (typefilter === undefined || task.type === typefilter) &&
    (errors !== 1 || !["OK", "RUNNING"].includes(task.status))
  ).sort((a, b) => b.starttime - a.starttime || b.pid - a.pid)
    .slice(start, Number(limit) === 0 ? undefined : Number(start) + Number(limit));
}

/** Tasks: how the work of a command that forks a worker ends. */
import { spawn } from "node:child_process";
import fs from "node:fs";
import process from "node:process";
import { dieOfBrokenPipes, err, Exit, fail, out } from "./cli.mjs";
import { withLock } from "./lock.mjs";
import {
  fault,
  findGuest,
  interrupt,
  missingText,
  processStart,
  saveGuest,
  sleep,
} from "./state.mjs";
import { openTask } from "./tasks.mjs";

/** The file in which a worker reports to its parent how it ended. */
const CONTROL = 3;

/** Whether this process is the worker of a parent. */
let isWorker = false;
let warnings = 0;
let commandLine = [];

/** Notes what runs, so that a worker can be started for it. */
export function nowRunning(program, argv) {
  commandLine = [program, ...argv];
}

/** Checks that are made before a worker is forked: the worker, which runs the same line, leaves them out. */
export function early(checks) {
  if (!isWorker) checks();
}

/**
 * Runs the work of a command in a worker, a process in a session of its own, while this one stays in the
 * foreground: what the worker prints on stdout or stderr is on stdout, its last error on stderr, and every
 * failure is 255. The work itself is done by the same command line in that process.
 *
 * Without a `hook` the command does not look at how the task ended: its exit code is 0 whatever happened.
 *
 * Source: pve-common f665029 src/PVE/RESTEnvironment.pm:445-514, 587-668.
 */
export async function worker(work, { hook = true } = {}) {
  if (!isWorker) return await inForeground(hook);
  try {
    await work();
  } catch (error) {
    const text = error.message.replace(/\n+$/, "").replaceAll("\n", " ");
    throw new Exit(255, `${text}\n`);
  }
}

/** The body of the worker's process. TERM is an error where the work just is, as Perl's `die` in a handler. */
export async function beWorker(run) {
  isWorker = true;
  dieOfBrokenPipes();
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => interrupt(new Exit(255, "received interrupt\n")));
  }
  try {
    await run();
    tell({ code: 0, warnings });
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    tell({ code: error.code, text: error.message });
  }
}

const tell = (ending) => fs.writeSync(CONTROL, JSON.stringify(ending));

/** A warning of a task that continues. Source: RESTEnvironment.pm:496-498, 761-770. */
export function warn(text) {
  out(`WARN: ${text}\n`);
  warnings++;
}

/** The parent: passes output and signals on. Source: RESTEnvironment.pm `$tee_worker`. */
async function inForeground(hook) {
  const words = [...process.execArgv, process.argv[1], "internal", "worker", "0", ...commandLine];
  let count = 0;
  const passOn = () => killGroup(child.pid, count++ < 3 ? "SIGTERM" : "SIGKILL");
  // Before the worker starts: a test that sees what the worker does may send a signal at once.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, passOn);
  const child = spawn(process.execPath, words, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const task = openTask(commandLine, child.pid, processStart(child.pid));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let told = "";
  child.stdio[CONTROL].on("data", (chunk) => told += chunk);
  const closed = new Promise((resolve) => child.stdio[CONTROL].once("close", resolve));
  try {
    await Promise.all([tee(child.stdout, task), tee(child.stderr, task)]);
  } catch (error) {
    if (error.code !== "EPIPE") throw error;
    task.close("broken pipe ");
    child.stdout.destroy();
    child.stderr.destroy();
    await killPatiently(child.pid);
    throw new Exit(255, "broken pipe \n");
  }
  await Promise.all([ended, closed]);
  const ending = told === ""
    ? { code: 255, text: "got unexpected control message:  \n" }
    : JSON.parse(told);
  if (ending.code !== 0) {
    task.close(ending.text.replace(/\n$/, ""));
    throw new Exit(hook ? ending.code : 0, ending.text);
  }
  task.close(ending.warnings > 0 ? `WARNINGS: ${ending.warnings}` : "OK");
  if (ending.warnings > 0) err(`Task finished with ${ending.warnings} warning(s)!\n`);
}

/** Passes on what the worker prints, first to the log: a parent that is gone logs no more. */
async function tee(source, task) {
  for await (const chunk of source) {
    task.log(chunk);
    fs.writeSync(1, chunk);
  }
}

/** Five seconds for a clean end. Source: RESTEnvironment.pm `$kill_process_group`. */
async function killPatiently(pid) {
  const start = processStart(pid);
  killGroup(pid, "SIGTERM");
  for (let waited = 0; waited < 5; waited++) {
    if (start === undefined || processStart(pid) !== start) return;
    await sleep(1000);
  }
  killGroup(pid, "SIGKILL");
}

function killGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

/** A worker that holds the guest's lock; a guest that is missing is its failure. */
export const lockWorker = (kind, vmid, work) =>
  worker(async () => {
    const guest = findGuest(kind, vmid) ?? fail(missingText(kind, vmid));
    if (fault("noQuorum")) fail("cluster not ready - no quorum?");
    // Read again inside: the one who held the lock may have changed it.
    await withLock(
      guest,
      { say: out, code: 255 },
      () => work(findGuest(kind, vmid) ?? fail(missingText(kind, vmid))),
    );
  });

/**
 * Does work under a lock in the guest's configuration. When it fails or is interrupted it tidies up first,
 * and says so: a worker that dies at that leaves the lock behind.
 *
 * Source: pve-guest-common 4a8f6cb src/PVE/AbstractConfig.pm `snapshot_create`; pve-manager 14a22df PVE/VZDump.pm.
 */
export async function withConfigLock(guest, lock, work, hold = holdTask) {
  guest.lock = lock;
  saveGuest(guest);
  try {
    await hold();
    await work();
  } catch (error) {
    out("cleaning up\n");
    await sleep(fault("cleanupMs") ?? 0);
    out("cleaned up\n");
    delete guest.lock;
    saveGuest(guest);
    throw error;
  }
  delete guest.lock;
  saveGuest(guest);
}

/** Waits while a test holds the task; `onChange` gets the value of the switch. */
export async function holdTask(onChange = () => {}) {
  let seen;
  for (let value = fault("taskHolds"); value !== undefined; value = fault("taskHolds")) {
    if (value !== seen) onChange(value);
    seen = value;
    await sleep(10);
  }
}

/** Source: pve-guest-common 4a8f6cb src/PVE/AbstractConfig.pm:336-340. */
export function checkUnlocked(guest, word, tolerated = []) {
  if (guest.lock && !tolerated.includes(guest.lock)) fail(`${word} is locked (${guest.lock})`);
}

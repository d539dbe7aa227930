/** Start, stop and the rest for containers. Source: pve-container 94f5585 API2/LXC/Status.pm. */
import { fail, out } from "./cli.mjs";
import { killInit, terminateInit } from "./namespace.mjs";
import { startGuest } from "./snapshots.mjs";
import { withLock } from "./lock.mjs";
import {
  anyGuest,
  fault,
  faultFor,
  findGuest,
  isRunning,
  missingText,
  saveGuest,
} from "./state.mjs";
import { checkUnlocked, holdTask, lockWorker, warn } from "./task.mjs";

export const lifecycle = { start, stop, shutdown, reboot, suspend, resume };

async function start({ vmid, skiplock }) {
  const ct = findGuest("lxc", vmid) ?? fail(missingText("lxc", vmid));
  if (isRunning(ct)) fail(`CT ${vmid} already running`);
  if (ct.ha) return requestHa(ct, "start");
  await lockWorker("lxc", vmid, async (now) => {
    if (now.template) fail("you can't start a CT if it's a template");
    if (skiplock !== 1) checkUnlocked(now, "CT", ["mounted"]);
    if (isRunning(now)) fail(`CT ${vmid} already running`);
    failStart(vmid);
    checkBridges(now);
    await holdTask();
    await startGuest(now);
    if (faultFor("startWarns", vmid)) {
      warn("old systemd (< v232) detected, container won't run in a pure cgroupv2 environment!");
    }
  });
}

function failStart(vmid) {
  if (!faultFor("startFails", vmid)) return;
  out(`run_buffer: 571 Script exited with status 2\n`);
  out(`lxc_init: 845 Failed to run lxc.hook.pre-start for container "${vmid}"\n`);
  out(`__lxc_start: 2034 Failed to initialize container "${vmid}"\n`);
  fail(`startup for container '${vmid}' failed`);
}

/** Only a start notices that a bridge is missing. Source: CT lxcnetaddbr:45, CO Network.pm:135. */
export function checkBridges({ id, kind, config }) {
  for (const [key, value] of Object.entries(config)) {
    const bridge = /^net\d+$/.test(key) ? /bridge=([^,]+)/.exec(String(value))?.[1] : undefined;
    if (bridge === undefined || bridge === "vmbr0") continue;
    out(`bridge '${bridge}' does not exist\n`);
    fail(
      kind === "lxc"
        ? `startup for container '${id}' failed`
        : "start failed: QEMU exited with code 1",
    );
  }
}

async function stop({ vmid, skiplock }) {
  const ct = runningOrFail(vmid, "CT");
  if (ct.ha) return requestHa(ct, "stop");
  await lockWorker("lxc", vmid, async (now) => {
    if (skiplock !== 1) checkUnlocked(now, "CT", ["mounted"]);
    if (!isRunning(now)) fail(`CT ${vmid} not running`);
    await holdTask();
    await halt(now);
  });
}

async function shutdown({ vmid, timeout = 60, forceStop }) {
  const ct = runningOrFail(vmid, "CT");
  if (ct.ha) return requestHa(ct, "stop");
  await lockWorker("lxc", vmid, async (now) => {
    checkUnlocked(now, "CT");
    await holdTask();
    if (await terminate(now, timeout)) return;
    const nokill = forceStop === 1 ? "" : " --nokill";
    if (forceStop === 1) return await halt(now);
    out(`command 'lxc-stop -n ${vmid}${nokill} --timeout ${timeout}' failed: exit code 1\n`);
    fail("container did not stop");
  });
}

async function reboot({ vmid, timeout = 60 }) {
  runningOrFail(vmid, "VM");
  await lockWorker("lxc", vmid, async (now) => {
    checkUnlocked(now, "CT");
    await holdTask();
    if (faultFor("rebootDoesNothing", vmid)) return;
    if (!await terminate(now, timeout)) await halt(now);
    await startGuest(now);
  });
}

async function suspend({ vmid }) {
  runningOrFail(vmid, "CT");
  await lockWorker("lxc", vmid, async (now) => {
    checkUnlocked(now, "CT");
    await halt(now);
  });
}

async function resume({ vmid }) {
  const ct = findGuest("lxc", vmid) ?? fail(missingText("lxc", vmid));
  if (isRunning(ct)) fail(`CT ${vmid} already running`);
  await lockWorker("lxc", vmid, (now) => startGuest(now));
}

/** The answer also of a container that does not exist: it is looked for among the running ones. */
function runningOrFail(vmid, word) {
  const ct = findGuest("lxc", vmid);
  return ct && isRunning(ct) ? ct : fail(`${word} ${vmid} not running`);
}

const terminate = async (ct, timeout) =>
  !faultFor("shutdownHangs", ct.id) && await terminateInit(ct, timeout * 1000);

async function halt(ct) {
  await killInit(ct);
}

/** Only requests the change: the state changes later. Source: Status.pm:166-177, 266-280, 365-376. */
export function requestHa(guest, action) {
  out(`Requesting HA ${action} for ${guest.kind === "lxc" ? "CT" : "VM"} ${guest.id}\n`);
  guest.due = { action, at: Date.now() + (fault("haDelayMs") ?? 0) };
  saveGuest(guest);
}

/** Starts a guest that is stopped, without a further command. */
export function startLater(guest, delayMs = 0) {
  guest.due = { action: "start", at: Date.now() + delayMs };
  saveGuest(guest);
}

/** Applies what is due. Called before each command, of which several may run at once. */
export async function settle(guests) {
  if (fault("changesHold")) return;
  for (const guest of guests.filter(isDue)) {
    await withLock(guest, { say: () => {}, code: 255 }, () => carryOut(anyGuest(guest.id)));
  }
}

const isDue = (guest) => guest?.due !== undefined && guest.due.at <= Date.now();

async function carryOut(guest) {
  if (!isDue(guest)) return;
  const { action, target } = guest.due;
  delete guest.due;
  saveGuest(guest);
  if (action === "start" && !isRunning(guest)) await startGuest(guest);
  if (action === "stop" && isRunning(guest)) await stopGuest(guest);
  if (action === "migrate") {
    const status = isRunning(guest) ? "running" : "stopped";
    await stopGuest(guest);
    saveGuest({ ...guest, init: undefined, node: target, status });
  }
}

/** Kills a guest of either kind. */
export async function stopGuest(guest) {
  if (guest.hasProcess) await killInit(guest);
  guest.status = "stopped";
  guest.paused = false;
  saveGuest(guest);
}

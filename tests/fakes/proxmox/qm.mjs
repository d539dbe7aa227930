/** `qm`: virtual machines. Source: qemu-server e6352be src/PVE/CLI/qm.pm and QemuServer.pm. */
import {
  BOOL,
  err,
  fail,
  findCommand,
  help,
  integer,
  out,
  parse,
  SNAPNAME,
  TEXT,
  VMID,
} from "./cli.mjs";
import { formatConfig, formatPending, shownConfig, snapshotConfig } from "./config_file.mjs";
import { guestCommand, guestExec, guestExecStatus } from "./qm_agent.mjs";
import { checkBridges, requestHa, startLater, stopGuest } from "./lifecycle.mjs";
import { VM_CLONE } from "./clone.mjs";
import { destroy, makeTemplate } from "./destroy.mjs";
import { migrateCommand } from "./migrate.mjs";
import { resizeCommand } from "./resize.mjs";
import { VM_SET } from "./vm_set.mjs";
import { QM_CREATE, QM_IMPORT } from "./qm_create.mjs";
import { createSnapshot, deleteSnapshot, rollBackVm } from "./qm_snapshots.mjs";
import { printTree, startGuest } from "./snapshots.mjs";
import { bootDisk, bytesOf, vmStatus } from "./status.mjs";
import {
  fault,
  faultFor,
  findGuest,
  isRunning,
  localGuests,
  missingText,
  nameOf,
  node,
  saveGuest,
  statusOf,
} from "./state.mjs";
import { checkUnlocked, holdTask, lockWorker, nowRunning } from "./task.mjs";

export { agentRun } from "./qm_agent.mjs";

const vmid = { vmid: VMID };
const named = { vmid: VMID, snapname: SNAPNAME };

export const COMMANDS = {
  clone: VM_CLONE,
  create: QM_CREATE,
  destroy: {
    args: vmid,
    options: { "destroy-unreferenced-disks": BOOL, purge: BOOL, skiplock: BOOL },
    run: (values) => destroy("qemu", values),
  },
  importdisk: QM_IMPORT,
  template: {
    args: vmid,
    options: { disk: TEXT },
    run: (values) => makeTemplate("qemu", values),
  },
  migrate: migrateCommand("qemu"),
  pending: { args: vmid, run: ({ vmid }) => out(formatPending(existing(vmid))) },
  resize: resizeCommand("qemu"),
  set: VM_SET,
  list: { options: { full: BOOL }, run: list },
  config: { args: vmid, options: { current: BOOL, snapshot: SNAPNAME }, run: config },
  status: { args: vmid, options: { verbose: BOOL }, run: status },
  start: { args: vmid, options: { skiplock: BOOL, timeout: integer(0) }, run: start },
  stop: {
    args: vmid,
    options: { keepActive: BOOL, "overrule-shutdown": BOOL, skiplock: BOOL, timeout: integer(0) },
    run: stop,
  },
  shutdown: {
    args: vmid,
    options: { forceStop: BOOL, keepActive: BOOL, skiplock: BOOL, timeout: integer(0) },
    run: shutdown,
  },
  reboot: { args: vmid, options: { timeout: integer(0) }, run: reboot },
  reset: { args: vmid, options: { skiplock: BOOL }, run: reset },
  suspend: { args: vmid, options: { skiplock: BOOL, todisk: BOOL }, run: suspend },
  resume: { args: vmid, options: { nocheck: BOOL, skiplock: BOOL }, run: resume },
  snapshot: {
    args: named,
    options: { description: TEXT, vmstate: BOOL },
    run: createSnapshot,
  },
  delsnapshot: {
    args: named,
    options: { force: BOOL },
    run: deleteSnapshot,
  },
  rollback: {
    args: named,
    options: { start: BOOL },
    run: rollBackVm,
  },
  listsnapshot: { args: vmid, run: ({ vmid }) => printTree(existing(vmid)) },
  unlock: {
    args: vmid,
    run: ({ vmid }) => {
      const { lock: _lock, ...vm } = existing(vmid);
      saveGuest(vm);
    },
  },
  guest: {
    args: { subcommand: TEXT },
    extra: "extra-args",
    usage: "guest exec <vmid> [<extra-args>] [OPTIONS]",
  },
  help: { args: {}, usage: "help [<extra-args>] [OPTIONS]" },
};

const GUEST_COMMANDS = {
  exec: {
    args: vmid,
    extra: "extra-args",
    options: { "pass-stdin": BOOL, synchronous: BOOL, timeout: integer(0) },
    run: guestExec,
  },
  cmd: {
    args: { vmid: VMID, command: TEXT },
    run: guestCommand,
  },
  "exec-status": { args: { vmid: VMID, pid: integer(1) }, run: guestExecStatus },
};

const groups = (commands) => [Object.keys(commands)];

export async function qm(argv) {
  nowRunning("qm", argv);
  const name = findCommand("qm", COMMANDS, groups(COMMANDS), argv[0]);
  if (name === "help") return help("qm", COMMANDS, groups(COMMANDS), argv[1]);
  if (name === "guest") return await run("qm guest", GUEST_COMMANDS, argv.slice(1));
  await run("qm", COMMANDS, argv);
}

async function run(program, commands, argv) {
  const name = findCommand(program, commands, groups(commands), argv[0]);
  await commands[name].run(parse(program, name, commands[name], argv.slice(1)), commands[name]);
}

const existing = (id) => findGuest("qemu", id) ?? fail(missingText("qemu", id), 2);

const onVm = (id, work) =>
  lockWorker("qemu", id, (vm) => {
    checkUnlocked(vm, "VM");
    return work(vm);
  });

/** Another text than most commands have. Source: QemuServer.pm:6251-6373. */
const locate = (id, code) =>
  findGuest("qemu", id) ??
    fail(`unable to find configuration file for VM ${id} on node '${node}'`, code);

/** Source: qm.pm:1336-1356. */
function list() {
  const guests = localGuests("qemu");
  if (guests.length === 0) return;
  const row = (id, name, state, memory, disk, pid) =>
    `${id.padStart(10)} ${name.padEnd(20)} ${state.padEnd(10)} ${memory.padEnd(10)} ` +
    `${disk.padStart(12)} ${pid.padEnd(10)}\n`;
  out(row("VMID", "NAME", "STATUS", "MEM(MB)", "BOOTDISK(GB)", "PID"));
  for (const vm of guests) {
    const disk = (bytesOf(bootDisk(vm)) / 1024 ** 3).toFixed(2);
    const pid = String(vmStatus(vm).pid ?? 0);
    out(row(String(vm.id), nameOf(vm), statusOf(vm), String(vm.config.memory ?? 512), disk, pid));
  }
}

/** Source: qm.pm:100-122, 318-337. */
function status({ vmid, verbose }) {
  const vm = existing(vmid);
  if (verbose !== 1) return out(`status: ${statusOf(vm)}\n`);
  const { cpu: _cpu, ...values } = vmStatus(vm);
  for (const key of Object.keys(values).sort()) out(`${key}: ${values[key]}\n`);
}

function config({ vmid, snapshot }) {
  const vm = existing(vmid);
  if (snapshot === undefined) return out(formatConfig(shownConfig(vm)));
  const entry = vm.snapshots.find(({ name }) => name === snapshot) ??
    fail(`snapshot '${snapshot}' does not exist`);
  out(formatConfig(snapshotConfig(entry)));
}

async function start({ vmid, skiplock }) {
  const vm = findGuest("qemu", vmid) ?? fail(missingText("qemu", vmid));
  if (vm.ha && !isRunning(vm)) return requestHa(vm, "start");
  await lockWorker("qemu", vmid, async (now) => {
    if (now.template) fail("you can't start a vm if it's a template");
    if (skiplock !== 1) checkUnlocked(now, "VM");
    if (isRunning(now)) fail(`VM ${vmid} already running`);
    if (faultFor("startFails", vmid)) {
      fail(`start failed: QEMU exited with code 1`);
    }
    checkBridges(now);
    await holdTask();
    await startGuest(now);
  });
}

/** Exit 0 and silence also for a VM that is stopped, unlike pct. */
async function stop({ vmid, skiplock }) {
  const vm = locate(vmid, 255);
  if (vm.ha && isRunning(vm)) return requestHa(vm, "stop");
  await lockWorker("qemu", vmid, async (now) => {
    if (!isRunning(now)) return;
    if (skiplock !== 1) checkUnlocked(now, "VM");
    await holdTask();
    await stopGuest(now);
  });
}

/** On a stopped VM a complaint on stderr and exit 0. Source: QemuServer.pm:8433-8444. */
async function shutdown({ vmid, forceStop }) {
  const vm = locate(vmid, 255);
  if (!isRunning(vm)) return err(`VM ${vmid} not running\n\n`);
  if (vm.paused) fail("VM is paused - cannot shutdown");
  if (vm.ha) return requestHa(vm, "stop");
  await onVm(vmid, async (now) => {
    await holdTask();
    if (faultFor("shutdownHangs", vmid)) {
      if (forceStop !== 1) fail("VM quit/powerdown failed - got timeout");
      out("VM still running - terminating now with SIGTERM\n");
    }
    await stopGuest(now);
  });
}

/** Source: qemu-server e6352be src/PVE/QemuServer/Helpers.pm:179-200; the 2 is a leftover errno. */
const running = (id) => {
  const vm = locate(id, 2);
  return isRunning(vm) ? vm : fail(`VM ${id} not running`, 2);
};

/**
 * Ends when the VM has stopped. `qmeventd` starts it again afterwards, seen by the next call.
 *
 * Source: API2/Qemu.pm `vm_reboot`, QemuServer.pm:6375-6399, CLI/qm.pm:1163-1180.
 */
async function reboot({ vmid }) {
  if (running(vmid).paused) fail("VM is paused - cannot shutdown");
  await onVm(vmid, async (vm) => {
    await holdTask();
    if (faultFor("rebootDoesNothing", vmid)) return;
    if (faultFor("shutdownHangs", vmid)) fail("VM quit/powerdown failed - got timeout");
    await stopGuest(vm);
    startLater(vm, fault("restartDelayMs"));
  });
}

async function reset({ vmid }) {
  running(vmid);
  await onVm(vmid, async (vm) => {
    await stopGuest(vm);
    await startGuest(vm);
  });
}

async function suspend({ vmid, todisk }) {
  running(vmid);
  await onVm(vmid, async (vm) => {
    if (todisk === 1) return await stopGuest(vm);
    vm.paused = true;
    saveGuest(vm);
  });
}

async function resume({ vmid }) {
  running(vmid);
  await onVm(vmid, (vm) => {
    vm.paused = false;
    saveGuest(vm);
  });
}

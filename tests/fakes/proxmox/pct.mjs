/** `pct`: the commands, their arguments and what they answer. */
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
import { pull, push } from "./copy.mjs";
import { planExec } from "./exec_plan.mjs";
import { lifecycle } from "./lifecycle.mjs";
import { withLock } from "./lock.mjs";
import { migrateCommand } from "./migrate.mjs";
import { resizeCommand } from "./resize.mjs";
import { deleteSnapshot, findSnapshot, printTree, rollBack, takeSnapshot } from "./snapshots.mjs";
import { CT_CLONE } from "./clone.mjs";
import { create, CREATE_OPTIONS } from "./create.mjs";
import { destroy, makeTemplate } from "./destroy.mjs";
import { restore } from "./restore.mjs";
import { applySet, SET_OPTIONS } from "./set.mjs";
import { containerStatus } from "./status.mjs";
import { findGuest, isRunning, localGuests, missingText, nameOf, saveGuest } from "./state.mjs";
import { checkUnlocked, holdTask, lockWorker, nowRunning, withConfigLock } from "./task.mjs";

const COPY = { perms: TEXT, user: TEXT, group: TEXT };
const ABSENT = { absent: true };

/** Registered with the arguments that usage errors show; `absent` ones only answer that they are. */
export const COMMANDS = {
  clone: CT_CLONE,
  create: { args: { vmid: VMID, ostemplate: TEXT }, options: CREATE_OPTIONS, run: create },
  destroy: {
    args: { vmid: VMID },
    options: { "destroy-unreferenced-disks": BOOL, force: BOOL, purge: BOOL },
    run: (values) => destroy("lxc", values),
  },
  list: { run: list },
  migrate: migrateCommand("lxc"),
  "move-volume": { args: { vmid: VMID, volume: TEXT }, options: { storage: TEXT }, ...ABSENT },
  pending: { args: { vmid: VMID }, run: ({ vmid }) => out(formatPending(existing(vmid))) },
  resize: resizeCommand("lxc"),
  restore: { args: { vmid: VMID, ostemplate: TEXT }, options: CREATE_OPTIONS, run: restore },
  template: { args: { vmid: VMID }, run: (values) => makeTemplate("lxc", values) },
  config: { args: { vmid: VMID }, options: { current: BOOL, snapshot: SNAPNAME }, run: config },
  set: { args: { vmid: VMID }, options: SET_OPTIONS, run: set },
  delsnapshot: {
    args: { vmid: VMID, snapname: SNAPNAME },
    options: { force: BOOL },
    run: ({ vmid, snapname }) =>
      lockWorker("lxc", vmid, async (ct) => {
        findSnapshot(ct, snapname);
        checkUnlocked(ct, "CT");
        await hold(ct, "snapshot-delete");
        deleteSnapshot(ct, snapname);
      }),
  },
  listsnapshot: { args: { vmid: VMID }, run: ({ vmid }) => printTree(existing(vmid)) },
  rollback: {
    args: { vmid: VMID, snapname: SNAPNAME },
    options: { start: BOOL },
    run: ({ vmid, snapname, start }) =>
      lockWorker("lxc", vmid, async (ct) => {
        findSnapshot(ct, snapname);
        checkUnlocked(ct, "CT");
        await hold(ct, "rollback");
        await rollBack(ct, snapname, start === 1);
      }),
  },
  snapshot: {
    args: { vmid: VMID, snapname: SNAPNAME },
    options: { description: TEXT },
    run: snapshot,
  },
  reboot: { args: { vmid: VMID }, options: { timeout: integer(0) }, run: lifecycle.reboot },
  resume: { args: { vmid: VMID }, run: lifecycle.resume },
  shutdown: {
    args: { vmid: VMID },
    options: { forceStop: BOOL, timeout: integer(0) },
    run: lifecycle.shutdown,
  },
  start: { args: { vmid: VMID }, options: { debug: BOOL, skiplock: BOOL }, run: lifecycle.start },
  stop: {
    args: { vmid: VMID },
    options: { "overrule-shutdown": BOOL, skiplock: BOOL },
    run: lifecycle.stop,
  },
  suspend: { args: { vmid: VMID }, run: lifecycle.suspend },
  console: { args: { vmid: VMID }, options: { escape: TEXT }, ...ABSENT },
  cpusets: { ...ABSENT },
  df: { args: { vmid: VMID }, run: df },
  enter: { args: { vmid: VMID }, options: { "keep-env": BOOL }, run: planEnter },
  exec: {
    args: { vmid: VMID },
    extra: "extra-args",
    options: { "keep-env": BOOL },
    run: planCommand,
  },
  fsck: { args: { vmid: VMID }, options: { force: BOOL }, ...ABSENT },
  fstrim: { args: { vmid: VMID }, options: { "ignore-mountpoints": BOOL }, ...ABSENT },
  mount: { args: { vmid: VMID }, ...ABSENT },
  pull: { args: { vmid: VMID, path: TEXT, destination: TEXT }, options: COPY, run: pull },
  push: { args: { vmid: VMID, file: TEXT, destination: TEXT }, options: COPY, run: push },
  "remote-migrate": { args: { vmid: VMID }, options: { online: BOOL }, ...ABSENT },
  rescan: { options: { dryrun: BOOL, vmid: VMID }, ...ABSENT },
  status: { args: { vmid: VMID }, options: { verbose: BOOL }, run: status },
  unlock: { args: { vmid: VMID }, run: unlock },
  unmount: { args: { vmid: VMID }, ...ABSENT },
  help: { args: {}, usage: "help [<extra-args>] [OPTIONS]" },
};

// Source: the order of the usage text, measured on the real program.
const GROUPS = [
  "clone create destroy list migrate move-volume pending resize restore template",
  "config set",
  "delsnapshot listsnapshot rollback snapshot",
  "reboot resume shutdown start stop suspend",
  "console cpusets df enter exec fsck fstrim mount pull push remote-migrate rescan status unlock unmount",
  "help",
].map((names) => names.split(" "));

/** Runs one `pct` command line. Of `exec` and `enter` it prints the plan for the launcher. */
export async function pct(argv) {
  nowRunning("pct", argv);
  const name = findCommand("pct", COMMANDS, GROUPS, argv[0]);
  if (name === "help") return help("pct", COMMANDS, GROUPS, argv[1]);
  const spec = COMMANDS[name];
  const values = parse("pct", name, spec, argv.slice(1));
  if (spec.absent) fail(`the stand-in has no 'pct ${name}'`);
  await spec.run(values, spec);
}

/** A lock that a task which fails or is interrupted leaves behind. */
async function hold(ct, lock) {
  saveGuest({ ...ct, lock });
  await holdTask();
}

/** The container, or the answer of the commands that look for its configuration first. */
function existing(vmid) {
  return findGuest("lxc", vmid) ?? fail(missingText("lxc", vmid), 2);
}

/** Source: pve-container 94f5585 src/PVE/CLI/pct.pm:1057-1072. */
function list() {
  const guests = localGuests("lxc");
  if (guests.length === 0) return;
  const row = (id, state, lock, name) =>
    `${id.padEnd(10)} ${state.padEnd(10)} ${lock.padEnd(12)} ${name.padEnd(20)}\n`;
  out(row("VMID", "Status", "Lock", "Name"));
  for (const ct of guests) {
    const state = isRunning(ct) ? "running" : "stopped";
    out(row(String(ct.id), state, ct.lock ?? "", nameOf(ct)));
  }
}

/** Source: pve-container 94f5585 src/PVE/CLI/pct.pm:46-86. */
function status({ vmid, verbose }) {
  const ct = existing(vmid);
  if (verbose !== 1) return out(`status: ${isRunning(ct) ? "running" : "stopped"}\n`);
  const { cpu: _leftOut, ...values } = containerStatus(ct);
  for (const key of Object.keys(values).sort()) out(`${key}: ${values[key]}\n`);
}

function config({ vmid, current, snapshot }) {
  const ct = existing(vmid);
  if (snapshot === undefined) return out(formatConfig(shownConfig(ct, { pending: current !== 1 })));
  const entry = ct.snapshots.find(({ name }) => name === snapshot) ??
    fail(`snapshot '${snapshot}' does not exist`);
  out(formatConfig(snapshotConfig(entry)));
}

function unlock({ vmid }) {
  const ct = existing(vmid);
  if (!ct.lock) fail("no lock found trying to remove any lock");
  delete ct.lock;
  saveGuest(ct);
}

async function snapshot({ vmid, snapname, description }) {
  if (["current", "vzdump"].includes(snapname)) {
    fail(`unable to use snapshot name '${snapname}' (reserved name)`);
  }
  await lockWorker("lxc", vmid, (ct) => {
    checkUnlocked(ct, "CT");
    return withConfigLock(ct, "snapshot", () => takeSnapshot(ct, snapname, description));
  });
}

async function set(values, spec) {
  await withLock(existing(values.vmid), { say: err, code: 4 }, () => {
    applySet(existing(values.vmid), values, spec);
  });
}

/** Source: pve-container 94f5585 src/PVE/CLI/pct.pm:417-508. */
function df({ vmid }) {
  const ct = existing(vmid);
  out("MP     Volume                  Size Used Avail Use% Path\n");
  out(`rootfs local-lvm:vm-${ct.id}-disk-0 7.8G 1.2G  6.2G 15.4 /\n`);
}

function planCommand({ vmid, "extra-args": command, "keep-env": keep }) {
  const ct = existing(vmid);
  if (!isRunning(ct)) fail(`container '${vmid}' not running!`);
  if (command.length === 0) fail("missing command at /usr/share/perl5/PVE/CLI/pct.pm line 246.");
  planExec(ct, command, keep !== 0);
}

function planEnter({ vmid, "keep-env": keep }) {
  const ct = existing(vmid);
  if (!isRunning(ct)) fail(`container '${vmid}' not running!`);
  planExec(ct, ["/bin/sh", "-l"], keep !== 0);
}

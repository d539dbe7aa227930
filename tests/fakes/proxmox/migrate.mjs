/**
 * `migrate` of both programs: the guest is then on another node, where only pvesh sees it. Sources: pve-container
 * 94f5585 src/PVE/API2/LXC.pm `migrate_vm`, LXC/Migrate.pm; qemu-server e6352be src/PVE/API2/Qemu.pm `migrate_vm`;
 * pve-guest-common 4a8f6cb src/PVE/AbstractMigrate.pm. The log of a node that is offline is from a public one.
 */
import { badParameter, BOOL, err, fail, integer, out, TEXT, VMID } from "./cli.mjs";
import { stopGuest } from "./lifecycle.mjs";
import {
  allGuests,
  fault,
  faultFor,
  findGuest,
  isRunning,
  missingText,
  node,
  saveGuest,
  sleep,
} from "./state.mjs";
import { early, holdTask, worker } from "./task.mjs";
import { volumesOf } from "./volumes.mjs";

const WORDS = { lxc: "CT", qemu: "VM" };

export const migrateCommand = (kind) => ({
  args: { vmid: VMID, target: TEXT },
  options: kind === "lxc"
    ? { online: BOOL, restart: BOOL, "target-storage": TEXT, timeout: integer(0) }
    : { force: BOOL, online: BOOL, targetstorage: TEXT, "with-local-disks": BOOL },
  run: (values, spec) => migrate(kind, values, spec),
});

const nodes = () => [node, ...allGuests().map((guest) => guest.node), ...fault("moreNodes") ?? []];

async function migrate(kind, values, spec) {
  const { vmid, target, online, restart } = values;
  early(() => {
    if (target === node) {
      const program = kind === "lxc" ? "pct" : "qm";
      badParameter(program, "migrate", spec, "target", "target is local node.");
    }
    if (fault("noQuorum")) fail("cluster not ready - no quorum?");
    if (!nodes().includes(target)) fail(`no such cluster node '${target}'`);
    const guest = findGuest(kind, vmid) ?? fail(missingText(kind, vmid), 2);
    if (kind === "qemu" && guest.lock) fail(`VM is locked (${guest.lock})`);
    if (isRunning(guest) && online !== 1 && restart !== 1) {
      fail(
        kind === "lxc"
          ? "can't migrate running container without --online or --restart"
          : "can't migrate running VM without --online",
      );
    }
    if (kind === "qemu" && online === 1 && !isRunning(guest)) {
      err("VM isn't running. Doing offline migration instead.\n");
    }
  });
  await worker(() => move(findGuest(kind, vmid) ?? fail(missingText(kind, vmid)), values));
}

const stamp = () => new Date().toISOString().slice(0, 19).replace("T", " ");
const log = (text) => out(`${stamp()} ${text}\n`);

async function move(guest, { target, online, restart }) {
  const { id, kind } = guest;
  const word = WORDS[kind];
  if (guest.ha) {
    out(`Requesting HA migration for ${word} ${id} to node ${target}\n`);
    guest.due = { action: "migrate", target, at: Date.now() + (fault("haDelayMs") ?? 0) };
    return saveGuest(guest);
  }
  // Also in the log only: stderr has just the last line.
  const abort = (reason) => {
    log(`ERROR: migration aborted (duration 00:00:01): ${reason}`);
    fail("migration aborted");
  };
  const wasRunning = isRunning(guest);
  if (guest.lock) abort(`${word} is locked (${guest.lock})`);
  if (kind === "lxc" && online === 1 && wasRunning) {
    abort("lxc live migration is currently not implemented");
  }
  if (fault("offlineNodes")?.includes(target)) {
    log(
      `# /usr/bin/ssh -e none -o 'BatchMode=yes' -o 'HostKeyAlias=${target}' root@192.0.2.11 /bin/true`,
    );
    log("ssh: connect to host 192.0.2.11 port 22: No route to host");
    abort("Can't connect to destination address using public key");
  }
  if (kind === "lxc" && wasRunning && restart === 1) log(`shutdown CT ${id}`);
  log(`starting migration of ${word} ${id} to node '${target}' (192.0.2.11)`);
  guest.lock = "migrate";
  saveGuest(guest);
  try {
    for (const { volid } of volumesOf(guest.config)) {
      log(`found local volume '${volid}' (in current VM config)`);
    }
    await holdTask();
    if (faultFor("migrateFails", id)) {
      throw new Error("storage 'local-lvm' is not available on node '" + target + "'");
    }
  } catch (error) {
    await sleep(fault("cleanupMs") ?? 0);
    delete guest.lock;
    saveGuest(guest);
    abort(error.message.trim());
  }
  if (wasRunning) await stopGuest(guest);
  delete guest.lock;
  delete guest.init;
  guest.node = target;
  guest.status = "stopped";
  saveGuest(guest);
  log("start final cleanup");
  if (wasRunning && faultFor("startFails", id)) {
    log("start container on target node");
    log(`startup for container '${id}' failed`);
    log("ERROR: migration finished with problems (duration 00:00:12)");
    fail("migration problems");
  }
  if (wasRunning) guest.status = "running";
  saveGuest(guest);
  log("migration finished successfully (duration 00:00:12)");
}

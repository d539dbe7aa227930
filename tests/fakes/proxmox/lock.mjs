/** The lock of one guest's configuration, waited for ten seconds as PVE does. */
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { Exit } from "./cli.mjs";
import { fault, guestDirectory, processStart, sleep } from "./state.mjs";

const lockName = (guest) =>
  guest.kind === "lxc"
    ? `/run/lock/lxc/pve-config-${guest.id}.lock`
    : `/var/lock/qemu-server/lock-${guest.id}.conf`;

/**
 * Runs `work` with the guest's lock held. `say` gets the waiting text (stdout inside a worker,
 * stderr outside of one), `code` is the status when the wait runs out.
 *
 * The lock is a link to a file that names its holder, so that the one of a killed process is free.
 * Source: pve-common f665029 src/PVE/Tools.pm:203-272.
 */
export async function withLock(guest, { say, code }, work) {
  const file = path.join(guestDirectory(guest.id), "lock");
  await acquire(file, say, () => {
    throw new Exit(code, `can't lock file '${lockName(guest)}' - got timeout\n`);
  });
  const release = () => fs.rmSync(file, { force: true });
  process.on("exit", release);
  try {
    return await work();
  } finally {
    release();
    process.off("exit", release);
  }
}

async function acquire(file, say, giveUp) {
  const deadline = Date.now() + (fault("lockWaitMs") ?? 10_000);
  let waiting = false;
  while (!take(file)) {
    if (!waiting) say("trying to acquire lock...\n");
    waiting = true;
    if (Date.now() >= deadline) giveUp();
    await sleep(10);
  }
  if (waiting) say(" OK\n");
}

function take(file) {
  const own = `${file}.${process.pid}`;
  fs.writeFileSync(own, `${process.pid} ${processStart(process.pid)}`);
  try {
    fs.linkSync(own, file);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    return dropStale(file, own) && take(file);
  } finally {
    fs.rmSync(own, { force: true });
  }
}

/** Whether the lock is free now, since the process that held it was killed. */
function dropStale(file, own) {
  try {
    const [pid, start] = fs.readFileSync(file, "utf8").split(" ");
    if (processStart(Number(pid)) === start) return false;
    // Renamed before it is removed: of two finders only one takes the stale link away.
    fs.renameSync(file, `${own}.stale`);
    fs.rmSync(`${own}.stale`);
    return true;
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    return true;
  }
}

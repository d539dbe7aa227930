/** Tasks: how the work of a command that forks a worker ends. */
import process from "node:process";
import { err, Exit, fail, out } from "./cli.mjs";
import { withLock } from "./lock.mjs";
import { fault, findGuest, missingText } from "./state.mjs";

/**
 * Runs a worker in the foreground: what it prints is on stdout, its last error on stderr, and
 * every failure is 255. Source: pve-common f665029 src/PVE/RESTEnvironment.pm:445-514, 587-668.
 */
export async function worker(work) {
  const interrupted = () => {
    err("received interrupt\n");
    process.exit(255);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, interrupted);
  try {
    await work();
  } catch (error) {
    const text = error.message.replace(/\n+$/, "").replaceAll("\n", " ");
    throw new Exit(255, `${text}\n`);
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

/** Source: pve-guest-common 4a8f6cb src/PVE/AbstractConfig.pm:336-340. */
export function checkUnlocked(guest, word, tolerated = []) {
  if (guest.lock && !tolerated.includes(guest.lock)) fail(`${word} is locked (${guest.lock})`);
}

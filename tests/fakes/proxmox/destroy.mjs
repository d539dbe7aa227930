/**
 * `destroy` and `template` of both programs. Sources: pve-container 94f5585 src/PVE/API2/LXC.pm:848-930,
 * src/PVE/LXC.pm:1009-1064; qemu-server e6352be src/PVE/API2/Qemu.pm:2815-2890, 6560-6589.
 */
import process from "node:process";
import { fail, out } from "./cli.mjs";
import { stopGuest } from "./lifecycle.mjs";
import { withLock } from "./lock.mjs";
import {
  fault,
  findGuest,
  isRunning,
  missingText,
  node,
  removeGuest,
  saveGuest,
} from "./state.mjs";
import { checkUnlocked, early, holdTask, warn, worker } from "./task.mjs";
import { create, dropVolume, removedLines, volumesOf } from "./volumes.mjs";
import { since } from "./wording.mjs";

const WORDS = { lxc: "CT", qemu: "VM" };

/** Neither asks for a quorum, and neither asks a question. */
export async function destroy(kind, { vmid, force, purge }) {
  const guest = findGuest(kind, vmid) ?? fail(missingText(kind, vmid), 2);
  early(() => check(guest, { force, purge }));
  await worker(() =>
    withLock(guest, { say: out, code: 255 }, () => remove(findGuest(kind, vmid), { purge }))
  );
}

function check(guest, { force, purge }) {
  const { kind, id } = guest;
  const word = WORDS[kind];
  if (String(guest.config.protection ?? 0) === "1") {
    fail(`can't remove ${word} ${id} - protection mode enabled`);
  }
  // Of a VM only the worker looks at the lock.
  if (kind === "lxc") checkUnlocked(guest, word);
  if (guest.ha && purge !== 1) {
    fail(`unable to remove ${word} ${id} - used in HA resources and purge parameter not set.`);
  }
  if (fault("replicated")?.includes(id) && purge !== 1) {
    fail(`There is a replication job '${id}-0' for guest '${id}' - Please remove that first.`);
  }
  if (!isRunning(guest)) return;
  if (kind === "qemu") fail(`VM ${id} is running - destroy failed`);
  if (force !== 1) fail(`unable to destroy CT ${id} - container is running`);
}

async function remove(guest, { purge }) {
  const { kind, id } = guest;
  if (kind === "qemu") checkUnlocked(guest, "VM", ["suspended"]);
  if (isRunning(guest)) {
    out(`forced to stop CT ${id} before destroying!\n`);
    await stopGuest(guest);
  }
  const [first] = volumesOf(guest.config);
  if (guest.template && fault("linkedClones")?.includes(id)) {
    const [, name] = first.volid.split(":");
    fail(
      kind === "lxc"
        ? `base volume '${name}' is still in use by linked clones`
        : `base volume '${first.volid}' is still in use by linked cloned`,
    );
  }
  for (const { vmstate } of guest.snapshots) if (vmstate) dropVolume(vmstate);
  for (const { volid } of volumesOf(guest.config)) {
    if (fault("volumeStays")?.includes(id)) {
      if (kind === "lxc") {
        fail(`error during cfs-locked 'storage' operation: lvremove '${volid}' error`);
      }
      const text = `Could not remove disk '${volid}', check manually: lvremove '${volid}' error`;
      if (since(8, 0)) warn(text);
      else out(`${text}\n`);
      continue;
    }
    dropVolume(volid);
    out(removedLines(volid));
    await holdTask();
  }
  if (fault("noQuorum")) {
    const folder = kind === "lxc" ? "lxc" : "qemu-server";
    fail(
      `unable to open file '/etc/pve/nodes/${node}/${folder}/${id}.conf.tmp.${process.pid}' - Permission denied`,
    );
  }
  if (purge === 1) out(`purging ${WORDS[kind]} ${id} from related configurations..\n`);
  removeGuest(guest);
}

/** The exit code is 0 also when it fails. */
export async function makeTemplate(kind, { vmid }) {
  const guest = findGuest(kind, vmid) ?? fail(missingText(kind, vmid), 2);
  const word = WORDS[kind];
  early(() => {
    if (guest.template) fail("you can't convert a template to a template");
    if (isRunning(guest)) fail(`you can't convert a ${word} to template if the ${word} is running`);
    if (guest.snapshots.length > 0) {
      fail(`unable to create template, because ${word} contains snapshots`);
    }
    checkUnlocked(guest, word);
  });
  await worker(
    () =>
      withLock(
        guest,
        { say: out, code: 255 },
        () => convert(findGuest(kind, vmid), fault("noTemplates")),
      ),
    { hook: false },
  );
}

async function convert(guest, unable) {
  // A VM is marked first, and volumes without the feature are left out in silence.
  if (guest.kind === "qemu") guest.template = true;
  saveGuest(guest);
  for (const { key, volid, bytes } of volumesOf(guest.config)) {
    if (/-cloudinit$/.test(volid) || /^unused/.test(key)) continue;
    await holdTask();
    if (unable && guest.kind === "lxc") fail(`Template feature is not available for '${volid}'`);
    if (unable) continue;
    rename(guest, { key, volid, bytes });
    await holdTask();
  }
  guest.template = true;
  saveGuest(guest);
}

/** Source: public logs of LVM-thin. */
function rename(guest, { key, volid, bytes }) {
  const [storage, name] = volid.split(":");
  const base = name.replace(/^(\d+\/)?vm-/, "$1base-");
  dropVolume(volid);
  create(`${storage}:${base}`, { vmid: guest.id, bytes });
  guest.config[key] = guest.config[key].replace(volid, `${storage}:${base}`);
  saveGuest(guest);
  out(`  Renamed "${name}" to "${base}" in volume group "pve"\n`);
  out(`  Logical volume pve/${base} changed.\n`);
  out("  WARNING: Combining activation change with other commands is not advised.\n");
}

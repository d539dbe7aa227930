/** Snapshots of containers, and what those of VMs share: the root file system and the configuration. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fail, out } from "./cli.mjs";
import { killInit, startInit } from "./namespace.mjs";
import { digest, fault, guestDirectory, isRunning, rootfsDirectory, saveGuest } from "./state.mjs";

const directoryOf = (guest, name) => path.join(guestDirectory(guest.id), "snapshots", name);

export const findSnapshot = (guest, name) =>
  guest.snapshots.find((snapshot) => snapshot.name === name) ??
    fail(`snapshot '${name}' does not exist`);

export function takeSnapshot(guest, name, description) {
  if (guest.template) {
    fail(`you can't take a snapshot if it's a template`);
  }
  if (guest.snapshots.some((snapshot) => snapshot.name === name)) {
    fail(`snapshot name '${name}' already used`);
  }
  if (fault("noSnapshots")) fail("snapshot feature is not available");
  copyFiles(guest, name);
  const entry = { name, time: Math.floor(Date.now() / 1000), config: { ...guest.config } };
  if (description) entry.description = description;
  if (guest.parent) entry.parent = guest.parent;
  guest.snapshots.push(entry);
  guest.parent = name;
  saveGuest(guest);
}

export function deleteSnapshot(guest, name) {
  const gone = findSnapshot(guest, name);
  dropFiles(guest, name);
  unlinkParent(guest, gone);
  saveGuest(guest);
}

/** Takes a snapshot out of the list; those made after it get its parent. */
export function unlinkParent(guest, gone) {
  guest.snapshots = guest.snapshots.filter((snapshot) => snapshot !== gone);
  for (const entry of [guest, ...guest.snapshots]) {
    if (entry.parent !== gone.name) continue;
    if (gone.parent) entry.parent = gone.parent;
    else delete entry.parent;
  }
}

export const copyFiles = (guest, name) =>
  copyTree(rootfsDirectory(guest.id), directoryOf(guest, name));

export const dropFiles = (guest, name) =>
  fs.rmSync(directoryOf(guest, name), { recursive: true, force: true });

export function restoreFiles(guest, name) {
  const rootfs = rootfsDirectory(guest.id);
  fs.rmSync(rootfs, { recursive: true, force: true });
  copyTree(directoryOf(guest, name), rootfs);
}

/**
 * A running guest is killed and stays stopped, unless `start` is set.
 * Source: pve-guest-common 4a8f6cb src/PVE/AbstractConfig.pm:1167-1170.
 */
export async function rollBack(guest, name, start) {
  const snapshot = findSnapshot(guest, name);
  if (isRunning(guest) && guest.hasProcess) await killInit(guest);
  guest.status = "stopped";
  restoreFiles(guest, name);
  guest.config = { ...snapshot.config };
  guest.pending = {};
  guest.parent = name;
  saveGuest(guest);
  if (start) await startGuest(guest);
}

export async function startGuest(guest) {
  // What was pending is applied at the next start.
  guest.config = { ...guest.config, ...guest.pending };
  guest.pending = {};
  if (guest.hasProcess) await startInit(guest);
  else {
    guest.status = "running";
    guest.starts = (guest.starts ?? 0) + 1;
    saveGuest(guest);
  }
}

function copyTree(from, to) {
  if (!fs.existsSync(from)) return;
  fs.mkdirSync(path.dirname(to), { recursive: true });
  const copied = spawnSync("cp", ["-a", from, to], { encoding: "utf8" });
  if (copied.status !== 0) throw new Error(copied.stderr);
}

/** The tree of `listsnapshot`. Source: pve-guest-common 4a8f6cb src/PVE/GuestHelpers.pm:135-190. */
export function printTree(guest) {
  const names = new Set(guest.snapshots.map((snapshot) => snapshot.name));
  const current = { name: "current", description: "You are here!", parent: guest.parent };
  const parentOf = (entry) => names.has(entry.parent) ? entry.parent : undefined;
  const print = (parent, prefix) => {
    const children = guest.snapshots.filter((entry) => parentOf(entry) === parent)
      .sort((a, b) => a.time - b.time);
    if (parentOf(current) === parent) children.push(current);
    for (const entry of children) {
      out(formatNode(entry, prefix));
      if (entry !== current) print(entry.name, ` ${prefix}`);
    }
  };
  print(undefined, "`->");
}

function formatNode({ name, time, description }, prefix) {
  const width = Math.max(0, 30 - prefix.length);
  const when = time === undefined ? "" : formatTime(new Date(time * 1000));
  const text = (description ?? "no-description").split("\n")[0];
  return `${prefix} ${name.padEnd(width)} ${when.padEnd(23)} ${text}\n`;
}

/** `2026-11-20 13:38:04` in the host's time zone. */
export function formatTime(date) {
  const two = (value) => String(value).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":")}`;
}

/** What pvesh answers. The order is as random as Perl's hashes: here it is reversed. */
export function snapshotList(guest) {
  const entries = guest.snapshots.map((snapshot) => ({
    name: snapshot.name,
    description: snapshot.description ? `${snapshot.description}\n` : "",
    snaptime: snapshot.time,
    ...(snapshot.parent ? { parent: snapshot.parent } : {}),
    ...(snapshot.state ? { snapstate: snapshot.state } : {}),
    ...(guest.kind === "qemu" ? { vmstate: snapshot.vmstate ? 1 : 0 } : {}),
  }));
  const current = {
    name: "current",
    description: "You are here!",
    digest: digest(guest),
    running: isRunning(guest) ? 1 : 0,
    ...(guest.parent ? { parent: guest.parent } : {}),
  };
  return [current, ...entries.reverse()];
}

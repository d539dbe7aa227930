/** `pct push` and `pct pull`: one file, and what really happens when that fails. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { err, Exit, fail } from "./cli.mjs";
import { withLock } from "./lock.mjs";
import { asContainerRoot, resolveInside, rootOf } from "./namespace.mjs";
import { fault, findGuest, isRunning } from "./state.mjs";

/** Source: pve-container 94f5585 src/PVE/CLI/pct.pm:693-800. */
export async function push({ vmid, file, destination, perms, user, group }) {
  const guest = findGuest("lxc", vmid);
  if (!guest || !isRunning(guest)) fail("can only push files to a running CT");
  await copyWorker(guest, () => {
    const root = rootOf(guest);
    const target = { ...ownership({ user, group, perms }, `${root}/etc`), shown: destination };
    const source = openSource(file, () => fail(`failed to open ${file} for reading`));
    const name = destination.startsWith("/") ? destination : `/${destination}`;
    target.path = resolveInside(root, name);
    if (isDangling(root, name)) {
      fail(`failed to create file: ${destination}: ${REASONS.ENOENT}`);
    }
    const enter = asContainerRoot(guest);
    if (enter.length > 0) writeAsContainerRoot(enter, source, target);
    else writeTarget(source, target);
  });
}

/** Source: pve-container 94f5585 src/PVE/CLI/pct.pm:607-691. */
export async function pull({ vmid, path: file, destination, perms, user, group }) {
  const guest = findGuest("lxc", vmid);
  if (!guest || !isRunning(guest)) {
    fail("can only pull files from a running VM at /usr/share/perl5/PVE/CLI/pct.pm line 664.");
  }
  await copyWorker(guest, () => {
    const target = { ...ownership({ user, group, perms }, "/etc"), shown: destination };
    target.path = destination;
    // The destination first: a pull that fails has emptied it already.
    const to = openTarget(target);
    const name = file.startsWith("/") ? file : `/${file}`;
    const source = openSource(
      resolveInside(rootOf(guest), name),
      (reason) => fail(`failed to open ${file}: ${reason}`),
    );
    copyBytes(source, to);
    adjust(to, target);
  });
}

/** Whether the last part of the path is a link to nothing: push refuses those (measured). */
function isDangling(root, name) {
  const parent = resolveInside(root, path.dirname(name));
  const link = fs.lstatSync(path.join(parent, path.basename(name)), { throwIfNoEntry: false });
  return link?.isSymbolicLink() === true && !fs.existsSync(resolveInside(root, name));
}

/** No exit hook: the worker's error is on stderr and the status stays 0. Source: pct.pm:1189-1190. */
async function copyWorker(guest, work) {
  await withLock(guest, { say: err, code: 4 }, () => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof Exit)) throw error;
      err(error.message);
    }
  });
}

function openSource(file, refuse) {
  try {
    return fs.openSync(file, "r");
  } catch (error) {
    return refuse(reasonOf(error));
  }
}

function ownership({ user, group, perms }, etc) {
  const result = {};
  if (perms !== undefined) result.mode = parseMode(perms);
  if (user !== undefined) result.uid = lookUp(user, `${etc}/passwd`, "uid");
  if (group !== undefined) result.gid = lookUp(group, `${etc}/group`, "gid");
  return result;
}

/** Octal unless it says `0x`. */
function parseMode(perms) {
  if (/^0x[0-9a-f]+$/i.test(perms)) return parseInt(perms, 16);
  const octal = /^0/.test(perms) ? perms : `0${perms}`;
  if (!/^[0-7]+$/.test(octal)) fail(`invalid mode: '${octal}'`);
  return parseInt(octal, 8);
}

function lookUp(name, file, kind) {
  if (/^\d+$/.test(name)) return Number(name);
  const lines = fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n") : [];
  const fields = lines.map((line) => line.split(":")).find((line) => line[0] === name);
  return fields ? Number(fields[2]) : fail(`failed to get ${kind} for: ${name}`);
}

/** Opens, fills and adjusts a target; also run on its own inside a user namespace. */
function writeTarget(source, target) {
  const to = openTarget(target);
  copyBytes(source, to);
  adjust(to, target);
}

function openTarget({ path, shown }) {
  try {
    return fs.openSync(path, "w", 0o666);
  } catch (error) {
    return fail(`failed to create file: ${shown}: ${reasonOf(error)}`);
  }
}

/** Copies until the end or the first error, which is not reported: pct does the same. */
function copyBytes(source, to) {
  const limit = fault("copyLimit") ?? Infinity;
  const buffer = new Uint8Array(1024 * 1024);
  let total = 0;
  try {
    while (total < limit) {
      const count = fs.readSync(source, buffer, 0, buffer.length, null);
      if (count === 0) return;
      const part = buffer.subarray(0, Math.min(count, limit - total));
      for (let at = 0; at < part.length;) at += fs.writeSync(to, part, at);
      total += part.length;
    }
  } catch (error) {
    if (!["EISDIR", "ENOSPC", "EDQUOT"].includes(error.code)) throw error;
  }
}

function adjust(to, { mode, uid, gid, mapped }) {
  // In an unprivileged container the set-id bits do not survive (measured on the real program).
  if (mode !== undefined) fs.fchmodSync(to, mapped ? mode & 0o1777 : mode);
  if (uid === undefined && gid === undefined) return;
  const now = fs.fstatSync(to);
  fs.fchownSync(to, uid ?? now.uid, gid ?? now.gid);
}

/** The same in a separate process, with the permissions of the container's root. */
function writeAsContainerRoot([program, ...args], source, target) {
  const code = `${writerSource()}
try { writeTarget(3, JSON.parse(process.argv[1])); } catch (error) {
  if (!(error instanceof Exit)) throw error;
  process.stderr.write(error.message);
}`;
  const data = JSON.stringify({ ...target, mapped: true });
  spawnSync(program, [...args, process.execPath, "-e", code, data], {
    stdio: ["ignore", "inherit", "inherit", source],
  });
}

// The text of the functions, since the other user may not be allowed to read this file.
const writerSource = () =>
  `const fs = require("node:fs");
class Exit extends Error {}
const fail = (text) => { throw new Exit(text + "\\n"); };
const fault = () => ${JSON.stringify(fault("copyLimit")) ?? "undefined"};
const REASONS = ${JSON.stringify(REASONS)};
${[reasonOf, openTarget, copyBytes, adjust, writeTarget].join("\n")}`;

const REASONS = {
  EACCES: "Permission denied",
  EISDIR: "Is a directory",
  ELOOP: "Too many levels of symbolic links",
  ENAMETOOLONG: "File name too long",
  ENOENT: "No such file or directory",
  ENOSPC: "No space left on device",
  ENOTDIR: "Not a directory",
  EPERM: "Operation not permitted",
  EROFS: "Read-only file system",
  ETXTBSY: "Text file busy",
};

function reasonOf(error) {
  return REASONS[error.code] ?? error.message;
}

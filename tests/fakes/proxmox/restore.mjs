/** `pct restore`. Source: as of create.mjs. */
import fs from "node:fs";
import path from "node:path";
import { badParameter, fail, out } from "./cli.mjs";
import { checkFree, failFull, isFull, made, runTool } from "./create.mjs";
import { fault, findGuest, isRunning, removeGuest, root, rootfsDirectory } from "./state.mjs";
import { early, worker } from "./task.mjs";
import { backupNamed, savedConfig } from "./vzdump.mjs";
import { checkContent, dropVolume, removedLines, volumesOf } from "./volumes.mjs";

/** Restores a backup; over an existing container only with `force`, and then the old disks are gone for good. */
export async function restore(values, spec) {
  const { vmid, ostemplate, force, storage = "local", rootfs } = values;
  early(() => {
    if (fault("noQuorum")) fail("cluster not ready - no quorum?");
    const old = findGuest("lxc", vmid);
    if (old === undefined || force !== 1) checkFree(vmid);
    else if (isRunning(old)) fail("can't overwrite running container");
    const used = rootfs?.includes(":") ? rootfs.split(":")[0] : storage;
    checkContent(used, "rootdir", (text) => badParameter("pct", "restore", spec, "storage", text));
    if (/^[^:/]+:(vztmpl|iso)\//.test(ostemplate)) {
      fail(`unable to use volume ${ostemplate} - content type needs to be 'backup'`);
    }
  });
  await worker(() => restoring(values));
}

async function restoring(values) {
  const { vmid, ostemplate } = values;
  const prefix = `unable to restore CT ${vmid} - `;
  const file = backupNamed(ostemplate);
  if (file === undefined) fail(`${prefix}volume '${ostemplate}' does not exist`);
  const saved = savedConfig(file);
  if (saved?.kind !== "lxc") fail(`${prefix}ERROR: archive contains no configuration file`);
  const old = findGuest("lxc", vmid);
  if (String(old?.config.protection ?? 0) === "1") {
    fail(`unable to restore CT ${vmid} - protection mode enabled`);
  }
  out(`recovering backed-up configuration from '${ostemplate}'\n`);
  const size = /size=([\d.]+)G/.exec(saved.config.rootfs ?? "")?.[1] ?? "4";
  const { lock: _lock, parent: _parent, rootfs: _rootfs, ...config } = saved.config;
  const given = { ...config, unprivileged: saved.unprivileged ? 1 : 0, rootfs: size, ...values };
  if (old !== undefined) removeGuest(old);
  await made(given, "restore", (ct) => {
    if (old !== undefined) freeOld(old);
    out(`restoring '${ostemplate}' now..\n`);
    out(`extracting archive '${file.replace(path.join(root, "dump"), "/var/lib/vz/dump")}'\n`);
    if (isFull(ct)) failFull(ct);
    if (fault("archiveDamaged")) {
      out("zstd: /*stdin*\\ : Decoding error (36) : Restored data doesn't match checksum\n");
      fail("command 'tar xpf - --zstd' failed: exit code 2");
    }
    fs.mkdirSync(rootfsDirectory(vmid), { recursive: true });
    runTool("tar", ["-xpf", file, "-C", rootfsDirectory(vmid)]);
    out("Total bytes read: 512901120 (489MiB, 118MiB/s)\n");
    out("merging backed-up and given configuration..\n");
    if (saved.template) {
      out("Convert restored container to template...\n");
      ct.template = true;
    }
  });
}

/** New disks come first and the old ones go then, before the archive is unpacked: nothing brings them back. */
function freeOld({ config }) {
  for (const { volid } of volumesOf(config)) {
    dropVolume(volid);
    out(removedLines(volid));
  }
}

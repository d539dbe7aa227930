/**
 * `pveam`. Source: pve-manager 14a22df PVE/CLI/pveam.pm, API2/Nodes.pm:1772-1834; pve-common src/PVE/Tools.pm:1486-1595;
 * the lines of wget are from public logs.
 */
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { badParameter, choice, err, fail, findCommand, out, parse, TEXT } from "./cli.mjs";
import { fault } from "./state.mjs";
import { holdTask, nowRunning, worker } from "./task.mjs";
import { imageFile, images, shownImage, storageOf } from "./volumes.mjs";
import { since } from "./wording.mjs";

const PVEAM = {
  available: { options: { section: choice("system", "mail", "turnkeylinux") }, run: available },
  download: { args: { storage: TEXT, template: TEXT }, run: download },
  list: { args: { storage: TEXT }, run: list },
  remove: { args: { template_path: TEXT }, run: remove },
  update: { run: update },
};

export async function pveam(argv) {
  nowRunning("pveam", argv);
  const name = findCommand("pveam", PVEAM, [Object.keys(PVEAM)], argv[0]);
  await PVEAM[name].run(parse("pveam", name, PVEAM[name], argv.slice(1)), PVEAM[name]);
}

/** What the node's index offers: pairs of a section and a name. */
const INDEX = [
  ["mail", "proxmox-mail-gateway-8.1-standard_8.1-1_amd64.tar.zst"],
  ["system", "alpine-3.20-default_20240908_amd64.tar.xz"],
  ["system", "debian-12-standard_12.7-1_amd64.tar.zst"],
  ["system", "ubuntu-24.04-standard_24.04-2_amd64.tar.zst"],
  ["turnkeylinux", "debian-12-turnkey-wordpress_18.2-1_amd64.tar.gz"],
];

/** Source: MG f6cfb6bd of 2026-08 added the architecture. Without an index nothing is printed, and the code is 0. */
function available({ section }) {
  if (fault("templateIndexMissing")) {
    return err(
      "unable to open file '/var/lib/pve-manager/apl-info/download.proxmox.com' - No such file or directory\n" +
        "unable to open file '/var/lib/pve-manager/apl-info/releases.turnkeylinux.org' - No such file or directory\n",
    );
  }
  for (const [group, name] of INDEX) {
    if (section !== undefined && section !== group) continue;
    const words = `${group.padEnd(15)} ${since(9, 2) ? name.padEnd(60) : name}`;
    out(`${words}${since(9, 2) ? " amd64" : ""}\n`);
  }
}

/** Exit code 0 also when it failed. */
function update() {
  if (fault("downloadFails")) return err("update failed - see /var/log/pveam.log for details\n");
  out("update successful\n");
}

/** Source: 7.3 (2022-06) names the unknown storage. */
function withTemplates(name, text) {
  const { content } = storageOf(name);
  if (!content.split(",").includes("vztmpl")) fail(text);
}

function list({ storage }) {
  withTemplates(storage, "Storage does not support templates!");
  out(`${"NAME".padEnd(60)} ${"SIZE".padEnd(6)}\n`);
  for (const { volid, size } of images(storage, "vztmpl")) {
    out(`${volid.padEnd(60)} ${(size / 1024 ** 2).toFixed(2)}MB\n`);
  }
}

/** Silent. Before 7.2 it removed any volume. Source: MG 0782c034. */
function remove({ template_path: volid }) {
  const file = imageFile(volid);
  if (file === undefined || !volid.includes(":vztmpl/")) {
    fail(`unable to use volume ${volid} - content type needs to be 'vztmpl'`);
  }
  storageOf(volid.split(":")[0]);
  if (!fs.existsSync(file)) fail(`volume '${volid}' does not exist`);
  if (fault("removeDoesNothing")) return;
  fs.rmSync(file);
}

async function download({ storage, template }, spec) {
  withTemplates(storage, `storage '${storage}' does not support templates`);
  const known = INDEX.find(([, name]) => name === template);
  if (!known) badParameter("pveam", "download", spec, "template", "no such template");
  await worker(() => fetchTemplate(storage, template), { hook: false });
}

const BYTES = 126_129_049;

/** wget with `--progress=dot:giga`, one line for 32 MiB, into a file that gets its name at the end. */
async function fetchTemplate(storage, template) {
  const file = imageFile(`${storage}:vztmpl/${template}`);
  const url = `http://download.proxmox.com/images/system/${template}`;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  out(`downloading ${url} to ${shownImage(file)}\n`);
  if (fs.existsSync(file)) {
    out("calculating checksum of existing file...");
    if (fs.statSync(file).size !== BYTES) {
      fail(`checksum mismatch: got '${"0".repeat(128)}' != expect '${"1".repeat(128)}', aborting`);
    }
    return out("OK, got correct file already, no need to download\n");
  }
  const partial = `${file}.tmp_dwnl.${process.pid}`;
  try {
    await receive(url, partial);
    out("calculating checksum...");
    if (fault("checksumWrong")) {
      out("\n");
      fail(`checksum mismatch: got '${"0".repeat(128)}' != expect '${"1".repeat(128)}'`);
    }
    out("OK, checksum verified\n");
    fs.renameSync(partial, file);
  } catch (error) {
    fs.rmSync(partial, { force: true });
    throw error;
  }
  out(`download of '${url}' to '${shownImage(file)}' finished\n`);
}

async function receive(url, partial) {
  const stamp = new Date().toISOString().slice(0, 19).replace("T", " ");
  out(`--${stamp}--  ${url}\n`);
  out("Resolving download.proxmox.com (download.proxmox.com)... 192.0.2.34\n");
  if (fault("downloadFails")) {
    out("wget: unable to resolve host address 'download.proxmox.com'\n");
    fail("download failed: wget: unable to resolve host address 'download.proxmox.com'");
  }
  out("Connecting to download.proxmox.com (download.proxmox.com)|192.0.2.34|:80... connected.\n");
  out("HTTP request sent, awaiting response... 200 OK\n");
  out(`Length: ${BYTES} (120M) [application/octet-stream]\n`);
  out(`Saving to: '${shownImage(partial)}'\n\n`);
  fs.writeFileSync(partial, "");
  const dots = "........ ........ ........ ........";
  out(`     0K ${dots} 26% 43.9M 2s\n`);
  try {
    await holdTask();
  } catch {
    fail("download failed: received interrupt");
  }
  out(` 32768K ${dots} 53% 67.6M 1s\n 65536K ${dots} 79% 61.2M 0s\n`);
  out(` 98304K ........ ........ ........         100% 63.9M=2.1s\n\n`);
  out(`${stamp} (58.6 MB/s) - '${shownImage(partial)}' saved [${BYTES}/${BYTES}]\n\n`);
  fs.truncateSync(partial, BYTES);
}

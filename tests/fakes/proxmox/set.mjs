/** `pct set`. Source: pve-container 94f5585 src/PVE/API2/LXC/Config.pm:111-272. */
import { randomBytes } from "node:crypto";
import { badParameter, BOOL, choice, err, fail, integer, TEXT } from "./cli.mjs";
import { CONTAINER_NETS } from "./properties.mjs";
import { digest, fault, faultFor, isRunning, node, saveGuest } from "./state.mjs";
import { checkUnlocked } from "./task.mjs";
import { since } from "./wording.mjs";

const LOCKS = [
  "backup",
  "create",
  "destroyed",
  "disk",
  "fstrim",
  "migrate",
  "mounted",
  "rollback",
  "snapshot",
  "snapshot-delete",
];

const NUMBERED = { ...TEXT, pattern: /^(net|mp|dev|unused)\d+$/ };

export const SET_OPTIONS = {
  arch: TEXT,
  cores: integer(1, 8192),
  cpulimit: TEXT,
  cpuunits: integer(0, 500_000),
  delete: TEXT,
  description: TEXT,
  digest: TEXT,
  features: TEXT,
  hookscript: TEXT,
  hostname: { type: "string", format: "dnsname", max: 255 },
  lock: choice(...LOCKS),
  memory: integer(16),
  nameserver: TEXT,
  onboot: BOOL,
  ostype: TEXT,
  protection: BOOL,
  revert: TEXT,
  rootfs: TEXT,
  searchdomain: TEXT,
  startup: TEXT,
  swap: integer(0),
  tags: TEXT,
  unprivileged: BOOL,
  net0: CONTAINER_NETS,
  mp0: { ...TEXT, pattern: /^(mp|dev|unused)\d+$/ },
};

const REQUIRED = new Set(["memory", "swap", "rootfs", "arch", "ostype"]);

const AT_ONCE = new Set(
  "description onboot startup protection hostname hookscript cores tags lock memory swap cpulimit cpuunits"
    .split(" "),
);

/** Changes the configuration; on a running container some keys become pending, in silence. */
export function applySet(ct, { vmid: _vmid, ...given }, spec) {
  const { delete: remove, revert, digest: expected, ...changes } = given;
  if (Object.keys(given).length === 0) fail("no options specified");
  if (expected !== undefined && expected !== digest(ct)) {
    fail("detected modified configuration - file changed by other user? Try again.");
  }
  checkUnlocked(ct, "CT");
  if (fault("noQuorum")) fail(unwritable(ct));
  if (faultFor("setDoesNothing", ct.id)) return;
  if (changes.unprivileged !== undefined) fail("unable to modify read-only option: 'unprivileged'");
  for (const key of split(revert)) delete ct.pending[key];
  for (const key of split(remove)) deleteKey(ct, key, spec);
  const failing = isRunning(ct) ? fault("hotplugFails") : undefined;
  const fails = failing !== undefined && changes[failing] !== undefined;
  for (const [key, value] of Object.entries(changes)) {
    if (key === failing) ct.pending[key] = value;
    else setKey(ct, key, value, spec);
  }
  // Since 8.0 nothing of a call is written if one change fails. Source: CT API2/LXC/Config.pm:246-264.
  if (!fails || !since(8, 0)) saveGuest(ct);
  if (fails) badParameter("pct", "set", spec, failing, `unable to hotplug ${failing}: failed`);
}

const split = (list) => (list ?? "").split(/[,;\s]+/).filter((key) => key !== "");

function deleteKey(ct, key, spec) {
  if (!Object.hasOwn(SET_OPTIONS, key) && !NUMBERED.pattern.test(key)) {
    badParameter("pct", "set", spec, "delete", `unknown option '${key}'`);
  }
  if (REQUIRED.has(key)) fail(`unable to delete required option '${key}'`);
  const target = key === "lock" ? ct : ct.config;
  if (target[key] === undefined) {
    return err(`cannot delete '${key}' - not set in current configuration!\n`);
  }
  delete target[key];
}

function setKey(ct, key, value, spec) {
  const name = /^net\d+$/.test(key) ? network(value, key, spec) : value;
  const stored = key === "tags" ? tags(value) : name;
  if (key === "lock") ct.lock = stored;
  else if (isRunning(ct) && !AT_ONCE.has(key) && !/^net\d+$/.test(key)) ct.pending[key] = stored;
  else ct.config[key] = stored;
}

function network(value, key, spec) {
  const fields = new Map(value.split(",").map((field) => field.split(/=(.*)/s).slice(0, 2)));
  if (!fields.has("name")) {
    const text =
      `invalid format - format error\n${key}.name: property is missing and it is not optional\n`;
    badParameter("pct", "set", spec, key, text);
  }
  if (!fields.has("hwaddr")) {
    const bytes = [...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, "0"));
    fields.set("hwaddr", `BC:24:11:${bytes.join(":").toUpperCase()}`);
  }
  if (!fields.has("type")) fields.set("type", "veth");
  return [...fields].map((field) => field.join("=")).join(",");
}

const tags = (value) => [...new Set(split(value).map((tag) => tag.toLowerCase()))].sort().join(";");

/** The same for both programs: without quorum /etc/pve cannot be written (as the order of the calls shows). */
export const unwritable = ({ id, kind }) =>
  `unable to open file '/etc/pve/nodes/${node}/${
    kind === "lxc" ? "lxc" : "qemu-server"
  }/${id}.conf.tmp.4711'` +
  " - Permission denied";

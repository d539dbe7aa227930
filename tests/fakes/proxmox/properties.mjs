/**
 * Options like `net0` that have parts, and the secrets that a command asks for.
 * Sources: pve-common f665029 src/PVE/JSONSchema.pm, PTY.pm:183-251, CLIHandler.pm:48-59, Tools.pm:1104-1120;
 * pve-container 94f5585 src/PVE/LXC/Config.pm:852-962. The texts were measured on the real code.
 */
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import process from "node:process";
import { fail } from "./cli.mjs";

const OCTET = "(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;
const CIDR = new RegExp(`^${IPV4}/(?:[89]|[12]\\d|3[0-2])$`);
const ADDRESS = new RegExp(`^${IPV4}$`);

const NETWORK_CONFIGURATION = "value does not look like a valid ipv4 network configuration";
const NETWORK_CONFIGURATION_6 = "value does not look like a valid ipv6 network configuration";

/** The parts of a network device of a container, and what is wrong with a value. */
const CONTAINER_NET = {
  name: pattern(/^[-_.\w\d]+$/),
  bridge: pattern(/^[-_.\w\d]+$/),
  firewall: boolean,
  gw: (value) =>
    ADDRESS.test(value) ? "" : "invalid format - value does not look like a valid IPv4 address",
  gw6: (value) =>
    value.includes(":") ? "" : "invalid format - value does not look like a valid IPv6 address",
  hwaddr: pattern(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i),
  "host-managed": boolean,
  ip: (value) =>
    /^(dhcp|manual)$/.test(value) || CIDR.test(value)
      ? ""
      : `invalid format - ${NETWORK_CONFIGURATION}`,
  ip6: (value) =>
    /^(auto|dhcp|manual)$/.test(value) || /^[0-9a-f:]+\/\d+$/i.test(value)
      ? ""
      : `invalid format - ${NETWORK_CONFIGURATION_6}`,
  link_down: boolean,
  mtu: range(64, 65535),
  rate: pattern(/^\d+(\.\d+)?$/),
  tag: range(1, 4094),
  trunks: pattern(/^\d+(;\d+)*$/),
  type: pattern(/^veth$/),
};

const VM_IP_CONFIG = {
  gw: CONTAINER_NET.gw,
  gw6: CONTAINER_NET.gw6,
  ip: (value) =>
    value === "dhcp" || CIDR.test(value) ? "" : `invalid format - ${NETWORK_CONFIGURATION}`,
  ip6: CONTAINER_NET.ip6,
};

const VM_NET = {
  bridge: CONTAINER_NET.bridge,
  firewall: boolean,
  link_down: boolean,
  macaddr: CONTAINER_NET.hwaddr,
  model: pattern(/^(virtio|e1000|e1000e|rtl8139|vmxnet3)$/),
  mtu: range(1, 65520),
  queues: range(0, 64),
  rate: CONTAINER_NET.rate,
  tag: CONTAINER_NET.tag,
  trunks: CONTAINER_NET.trunks,
};

function pattern(expression) {
  return (value) => expression.test(value) ? "" : "value does not match the regex pattern";
}

function boolean(value) {
  return /^(0|1|yes|no|on|off|true|false)$/.test(value)
    ? ""
    : "type check ('boolean') failed - got '" + value + "'";
}

function range(minimum, maximum) {
  return (value) => {
    if (!/^\d+$/.test(value)) return `type check ('integer') failed - got '${value}'`;
    if (Number(value) < minimum) return `value must have a minimum value of ${minimum}`;
    return Number(value) > maximum ? `value must have a maximum value of ${maximum}` : "";
  };
}

/** `name=eth0,bridge=vmbr0` as pairs; a first word without `=` belongs to `first`. */
export function parts(value, first) {
  return value.split(",").map((field, index) => {
    const at = field.indexOf("=");
    return at < 0 && index === 0 && first
      ? [first, field]
      : [field.slice(0, at), field.slice(at + 1)];
  });
}

/** A check for an option of `parse`: the faults of its parts, in the words of the schema. */
function checked(key, fields, known, required) {
  const faults = [];
  const names = new Set(fields.map(([name]) => name));
  for (const [name, value] of fields) {
    if (!Object.hasOwn(known, name)) {
      faults.push(
        `${key}.${name}: property is not defined in schema and the schema does not allow additional properties`,
      );
      continue;
    }
    const wrong = known[name](value);
    if (wrong !== "") faults.push(`${key}.${name}: ${wrong}`);
  }
  for (const name of required) {
    if (!names.has(name)) faults.push(`${key}.${name}: property is missing and it is not optional`);
  }
  if (faults.length === 0) return [];
  return [`${key}: invalid format - format error\n${faults.sort().join("\n")}\n\n`];
}

export const CONTAINER_NETS = {
  type: "string",
  pattern: /^net\d+$/,
  verify: (key, value) => checked(key, parts(value), CONTAINER_NET, ["name"]),
};

export const VM_NETS = {
  type: "string",
  pattern: /^net\d+$/,
  verify: (key, value) => checked(key, vmNet(value), VM_NET, ["model"]),
};

/** `virtio=MAC` or `virtio` at the beginning is the model. */
const vmNet = (value) =>
  parts(value, "model").flatMap(([name, text]) =>
    VM_NET.model(name) === "" ? [["model", name], ["macaddr", text]] : [[name, text]]
  );

export const VM_IP_CONFIGS = {
  type: "string",
  pattern: /^ipconfig\d+$/,
  verify: (key, value) => checked(key, parts(value), VM_IP_CONFIG, []),
};

/** Tags are lower-cased, sorted and joined by `;`. Source: CT LXC/Config.pm, measured. */
export const TAGS = {
  type: "string",
  verify: (key, value) =>
    value.split(/[,;\s]+/).every((tag) => tag === "" || /^[a-z0-9_][a-z0-9_\-+.]*$/i.test(tag))
      ? []
      : [`${key}: invalid format - invalid characters in tag\n`],
};

export const joinedTags = (value) =>
  [...new Set(value.split(/[,;\s]+/).filter((tag) => tag !== "").map((tag) => tag.toLowerCase()))]
    .sort().join(";");

const STORAGE_ID = /^[a-z][a-z0-9\-_.]*[a-z0-9]$/i;

export const STORAGE = {
  type: "string",
  verify: (key, value) =>
    STORAGE_ID.test(value)
      ? []
      : [`${key}: invalid format - storage ID '${value}' contains illegal characters\n`],
};

const newMac = () =>
  [
    "BC",
    "24",
    "11",
    ...[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, "0").toUpperCase()),
  ]
    .join(":");

/** A network device as it is stored: sorted, with `type=veth` and a MAC address, a new one if `fresh`. */
export function containerNet(value, { fresh = false } = {}) {
  const fields = new Map(parts(value));
  if (fresh || !fields.has("hwaddr")) fields.set("hwaddr", newMac());
  fields.set("type", "veth");
  const { name, ...rest } = Object.fromEntries(fields);
  return [`name=${name}`, ...Object.keys(rest).sort().map((key) => `${key}=${rest[key]}`)].join(
    ",",
  );
}

export function vmNetStored(value, { fresh = false } = {}) {
  const { model, macaddr, ...rest } = Object.fromEntries(vmNet(value));
  const mac = fresh || macaddr === undefined ? newMac() : macaddr;
  return [`${model}=${mac}`, ...Object.keys(rest).sort().map((key) => `${key}=${rest[key]}`)].join(
    ",",
  );
}

/** The environment passes secrets to the worker, as the real one has them in its memory. */
const SECRET = "PVE_FAKE_PASSWORD";
const KEYS = "PVE_FAKE_KEYS";

/** Without a terminal a password without a value is two lines of stdin, and no prompt is printed. */
export function askPassword(given) {
  if (given === undefined || process.env[SECRET] !== undefined) return process.env[SECRET];
  if (given !== "") return keep(SECRET, given);
  const lines = fs.readFileSync(0, "utf8").split("\n");
  if (lines.length < 2) fail("EOF while reading password");
  if (lines[0] !== lines[1]) fail("passwords do not match");
  return keep(SECRET, lines[0]);
}

export const PASSWORD = {
  type: "string",
  asks: true,
  verify: (key, value) =>
    value === "" || value.length >= 5 ? [] : [`${key}: value must be at least 5 characters long`],
};

/** Reads the file of `--ssh-public-keys`. */
export function readKeys(file) {
  if (file === undefined || process.env[KEYS] !== undefined) return process.env[KEYS];
  let text;
  try {
    text = fs.readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") fail(`can't open '${file}' - No such file or directory`, 2);
    throw error;
  }
  for (const line of text.split("\n")) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    if (
      !/(?:^|\s)(ssh-(rsa|dss|ed25519)|ecdsa-sha2-\S+|sk-\S+) [A-Za-z0-9+/]+=*(\s|$)/.test(line)
    ) {
      fail("SSH public key validation error");
    }
  }
  return keep(KEYS, text);
}

function keep(name, text) {
  process.env[name] = text;
  return text;
}

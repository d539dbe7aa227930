/** `pvesh get` and `pvesh create` for the paths a monitor reads. Source: pve-manager 14a22df. */
import process from "node:process";
import { BOOL, choice, err, Exit, fail, integer, out, parse, TEXT } from "./cli.mjs";
import { shownConfig } from "./config_file.mjs";
import { pct } from "./pct.mjs";
import { qm } from "./qm.mjs";
import { snapshotList } from "./snapshots.mjs";
import {
  containerStatus,
  nodeStatus,
  nodeSummary,
  resourceOf,
  rrdData,
  STORAGES,
  storages,
  vmStatus,
} from "./status.mjs";
import {
  allGuests,
  anyGuest,
  digest,
  fault,
  findGuest,
  isRunning,
  localGuests,
  missingText,
  node,
  saveGuest,
  sleep,
} from "./state.mjs";
import { interfacesOf } from "./addresses.mjs";
import { certificates, networks, updates } from "./node_api.mjs";
import { volumes } from "./pvesm.mjs";
import { listTasks, readTask, stopTask, writeTask } from "./tasks.mjs";
import { vzdump } from "./vzdump.mjs";
import { release, since } from "./wording.mjs";

const OPTIONS = {
  cf: choice("AVERAGE", "MAX"),
  content: TEXT,
  errors: BOOL,
  human: BOOL,
  limit: integer(0),
  noproxy: BOOL,
  "output-format": choice("text", "json", "json-pretty", "yaml"),
  quiet: BOOL,
  source: choice("archive", "active", "all"),
  start: integer(0),
  timeframe: choice("hour", "day", "week", "month", "year", "decade"),
  type: choice("vm", "storage", "node", "sdn", "any_bridge", "bridge", "bond", "vlan", "eth"),
  typefilter: TEXT,
  vmid: TEXT,
};

const GET = [
  ["/version", () => ({ release, repoid: "9c5600b249dbfd2f", version: `${release}.5` })],
  [
    "/nodes",
    () =>
      nodes().map((name) => ({
        ...nodeSummary(name),
        ...(isOffline(name) ? { status: "offline" } : {}),
      })),
  ],
  ["/cluster/nextid", () => nextId()],
  ["/cluster/resources", resources],
  ["/cluster/status", clusterStatus],
  ["/cluster/backup", () => fault("backupJobs") ?? []],
  [
    "/cluster/replication",
    () =>
      (fault("replicated") ?? []).filter((id) => anyGuest(id)).map((id) => ({
        guest: id,
        id: `${id}-0`,
      })),
  ],
  ["/nodes/N/status", () => nodeStatus()],
  ["/nodes/N/lxc", () => localGuests("lxc").map(containerStatus).reverse()],
  ["/nodes/N/qemu", () => localGuests("qemu").map(vmStatus).reverse()],
  ["/nodes/N/storage", () => storages().map(storage)],
  ["/nodes/N/storage/S/status", (_o, [, name]) => storage(storageNamed(name))],
  ["/nodes/N/storage/S/content", content],
  ["/nodes/N/rrddata", () => rrdData({ maxcpu: 8, loadavg: 0.2, iowait: 0.001, memtotal: 34e9 })],
  ["/nodes/N/tasks/U/status", (_o, [, upid]) => readTask(upid).status],
  ["/nodes/N/tasks/U/log", taskLog],
  ["/nodes/N/network", (options) => networks(options)],
  ["/nodes/N/apt/update", () => updates()],
  ["/nodes/N/certificates/info", () => certificates()],
  ["/nodes/N/tasks", (options) => listTasks(options)],
  ["/nodes/N/K/I/status/current", current],
  [
    "/nodes/N/K/I/config",
    (_o, path) => ({ ...shownConfig(guest(path)), digest: digest(guest(path)) }),
  ],
  ["/nodes/N/K/I/snapshot", (_o, path) => snapshotList(guest(path))],
  ["/nodes/N/K/I/rrddata", (_o, path) => (guest(path), rrdData({ maxcpu: 2, maxmem: 1024 ** 3 }))],
  ...(since(8, 1) ? [["/nodes/N/lxc/I/interfaces", interfaces]] : []),
].map(([path, read]) => [pattern(path), read]);

const CREATE = [
  [pattern("/nodes/N/K/I/status/A"), act],
  [pattern("/nodes/N/vzdump"), dump],
];

const DELETE = [
  [pattern("/nodes/N/tasks/U"), (_o, [, upid]) => stopTask(upid, sleep)],
];

const METHODS = { get: GET, ls: [], set: [], create: CREATE, delete: DELETE };

function pattern(path) {
  const text = path.replaceAll("/N", "/([^/]+)").replaceAll("/K", "/(lxc|qemu)")
    .replaceAll("/I", "/(\\d+)").replace(/\/[SUA](?=\/|$)/, "/([^/]+)");
  return new RegExp(`^${text}$`);
}

export async function pvesh([method, ...argv]) {
  if (method === undefined) {
    throw new Exit(255, "ERROR: no command specified\nUSAGE: pvesh <COMMAND> [ARGS] [OPTIONS]\n");
  }
  if (!Object.hasOwn(METHODS, method)) {
    throw new Exit(
      255,
      `ERROR: unknown command 'pvesh ${method}'\nUSAGE: pvesh <COMMAND> [ARGS] [OPTIONS]\n`,
    );
  }
  const spec = { args: { api_path: TEXT }, options: { ...OPTIONS, ...anyOption(method) } };
  const values = parse("pvesh", method, spec, argv);
  const path = `/${values.api_path.replace(/^\/+|\/+$/g, "")}`;
  for (const [wanted, answer] of METHODS[method]) {
    const match = wanted.exec(path);
    if (!match) continue;
    checkNode(path, match[1]);
    const { before = "", after = "" } = fault("pveshNoise") ?? {};
    out(before);
    const own = fault("pveshAnswers")?.[path];
    if (own === undefined) print(await answer(values, match.slice(1)), values["output-format"]);
    else out(`${own}\n`);
    return out(after);
  }
  fail(`No '${method}' handler defined for '${path}'`, 1);
}

/** `create` takes the options of what it creates. */
const anyOption = (method) =>
  method === "create"
    ? { storage: TEXT, mode: TEXT, compress: TEXT, timeout: TEXT, forceStop: TEXT, remove: TEXT }
    : {};

function checkNode(path, name) {
  if (!path.startsWith("/nodes/") || name === "localhost" || nodes().includes(name)) return;
  fail(
    `hostname lookup '${name}' failed - failed to get address info for: ${name}: Name or service not known`,
  );
}

/** JSON as Perl prints it: one line, keys sorted. Text output is not the real box table. */
function print(value, format = "text") {
  if (value === undefined) return;
  if (typeof value === "string" && format !== "json") return out(`${value}\n`);
  if (format === "text" && Array.isArray(value) && value.length === 0) return;
  const sorted = sort(value);
  out(`${format === "json" ? JSON.stringify(sorted) : JSON.stringify(sorted, null, 3)}\n`);
}

function sort(value) {
  if (Array.isArray(value)) return value.map(sort);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sort(value[key])]));
}

const nodes = () => [
  ...new Set([node, ...allGuests().map((guest) => guest.node), ...fault("moreNodes") ?? []]),
];

const isOffline = (name) => fault("offlineNodes")?.includes(name) ?? false;

function nextId() {
  // Reserves nothing: the same one is offered until a guest has it. Holes are filled.
  const used = new Set(allGuests().map((guest) => guest.id));
  let id = 100;
  while (used.has(id)) id++;
  return String(id);
}

function resources({ type }) {
  const guests = allGuests().map(resourceOf);
  const storages = nodes().flatMap((name) =>
    STORAGES.map((entry) => ({
      content: entry.content,
      disk: entry.used,
      id: `storage/${name}/${entry.storage}`,
      maxdisk: entry.total,
      node: name,
      plugintype: entry.type,
      shared: 0,
      status: "available",
      storage: entry.storage,
      type: "storage",
    }))
  );
  const all = {
    vm: guests,
    node: nodes().map((name) => ({
      ...nodeSummary(name),
      ...(isOffline(name) ? { status: "offline" } : {}),
    })),
    storage: storages,
    sdn: [],
  };
  return type === undefined ? Object.values(all).flat() : all[type];
}

function clusterStatus() {
  const renamed = fault("renamedMeanwhile");
  if (renamed !== undefined) {
    const guest = anyGuest(renamed.id);
    guest.config[renamed.key] = renamed.name;
    saveGuest(guest);
  }
  const names = nodes();
  const entries = names.map((name, index) => ({
    id: `node/${name}`,
    ip: `192.0.2.${10 + index}`,
    level: "",
    local: name === node ? 1 : 0,
    name,
    nodeid: names.length > 1 ? index + 1 : 0,
    online: isOffline(name) ? 0 : 1,
    type: "node",
  }));
  if (names.length === 1) return entries;
  const quorate = fault("noQuorum") ? 0 : 1;
  return [
    { id: "cluster", name: "lab", nodes: names.length, quorate, type: "cluster", version: 3 },
    ...entries,
  ];
}

const storage = ({ storage, type, content, total, used, active = 1 }) => ({
  active,
  avail: total - used,
  content,
  enabled: 1,
  shared: 0,
  storage,
  total,
  type,
  used,
  used_fraction: used / total,
});

const storageNamed = (name) =>
  storages().find((entry) => entry.storage === name) ?? fail(`storage '${name}' does not exist`);

function content({ content: kind, vmid }, [, name]) {
  const { text = "" } = storageNamed(name);
  if (text !== "") fail(text, 2);
  const id = vmid === undefined ? undefined : Number(vmid);
  return volumes(name, { content: kind, vmid: id });
}

/** 50 lines by default, all with `limit 0`. */
function taskLog({ limit = 50, start = 0 }, [, upid]) {
  return readTask(upid).log.slice(start, limit === 0 ? undefined : start + limit);
}

/** A path that names another node is answered by that one, over its own ssh; each knows its own guests only. */
function guest([name, kind, id]) {
  const there = name === "localhost" ? node : name;
  const found = there === node ? findGuest(kind, id) : anyGuest(id);
  if (found?.kind === kind && found.node === there) return found;
  return fail(missingText(kind, id).replace(`nodes/${node}/`, `nodes/${there}/`), 2);
}

function current(_options, path) {
  const found = guest(path);
  const values = found.kind === "lxc" ? containerStatus(found) : vmStatus(found);
  return { ...values, ha: { managed: found.ha ? 1 : 0 } };
}

function interfaces(_options, [name, id]) {
  const found = guest([name, "lxc", id]);
  return isRunning(found) ? interfacesOf(found) : null;
}

/** Exit 0 even if the task failed: its status is to be read. Source: pvesh.pm:398-461. */
async function act({ timeout, forceStop }, [, kind, id, action]) {
  if (!["start", "stop", "shutdown", "reboot", "suspend", "resume"].includes(action)) {
    fail(`No 'create' handler defined for '/nodes/${node}/${kind}/${id}/status/${action}'`, 1);
  }
  guest([node, kind, id]);
  const options = [
    ...(timeout === undefined ? [] : ["--timeout", timeout]),
    ...(forceStop === undefined ? [] : ["--forceStop", forceStop]),
  ];
  const program = kind === "lxc" ? pct : qm;
  return await task(
    `${kind === "lxc" ? "vz" : "qm"}${action}`,
    id,
    () => program([action, id, ...options]),
  );
}

function dump({ vmid, storage = "local", mode = "snapshot", compress = "zstd" }) {
  const args = [vmid, "--storage", storage, "--mode", mode, "--compress", compress];
  return task("vzdump", vmid, () => vzdump(args));
}

async function task(type, id, work) {
  let exitstatus = "OK";
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    exitstatus = error.message.trimEnd();
    err(error.message);
  }
  return writeTask({ type, id, exitstatus, pid: process.pid });
}

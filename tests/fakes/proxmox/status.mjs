/** The numbers of a guest, a node and a storage. They are made up, their names and types are not. */
import { FINGERPRINT } from "./node_api.mjs";
import { fault, isRunning, nameOf, node, statusOf } from "./state.mjs";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/**
 * A guest as its node's API answers: `cpu` is always 0 there, pressure values are text.
 * Source: pve-container 94f5585 src/PVE/LXC.pm:369-397, measured for the types.
 */
export function containerStatus(ct) {
  const running = isRunning(ct);
  const { config } = ct;
  const values = {
    cpu: 0,
    // cpulimit is text in the configuration and stays text.
    cpus: config.cpulimit !== undefined ? String(config.cpulimit) : Number(config.cores ?? 2),
    disk: running ? 1_234_567_890 : 0,
    diskread: running ? 1_048_576 : 0,
    diskwrite: running ? 4096 : 0,
    maxdisk: bytesOf(/size=([\d.]+[KMGT]?)/.exec(config.rootfs ?? "")?.[1] ?? "4G"),
    maxmem: Number(config.memory ?? 512) * MIB,
    maxswap: Number(config.swap ?? 512) * MIB,
    mem: running ? 52_428_800 : 0,
    name: nameOf(ct),
    netin: running ? 73_421 : 0,
    netout: running ? 1536 : 0,
    status: running ? "running" : "stopped",
    swap: 0,
    type: "lxc",
    uptime: running ? uptimeOf(ct) : 0,
    vmid: ct.id,
  };
  if (running) {
    values.pid = ct.init?.pid ?? 4242;
    for (const what of ["cpu", "io", "memory"]) {
      for (const kind of ["full", "some"]) values[`pressure${what}${kind}`] = "0.00";
    }
  }
  return { ...values, ...marks(ct) };
}

export function vmStatus(vm) {
  const running = isRunning(vm);
  return {
    cpu: 0,
    cpus: Number(vm.config.cores ?? 1) * Number(vm.config.sockets ?? 1),
    disk: 0,
    diskread: 0,
    diskwrite: 0,
    maxdisk: bytesOf(bootDisk(vm)),
    maxmem: Number(vm.config.memory ?? 512) * MIB,
    mem: running ? 367_001_600 : 0,
    name: nameOf(vm),
    netin: 0,
    netout: 0,
    ...(running
      ? { pid: vm.init?.pid ?? 4242 + (vm.starts ?? 0), qmpstatus: statusOf(vm) }
      : { qmpstatus: "stopped" }),
    status: running ? "running" : "stopped",
    uptime: running ? uptimeOf(vm) : 0,
    vmid: vm.id,
    ...marks(vm),
  };
}

export const bootDisk = (vm) => /size=([\d.]+[KMGT]?)/.exec(vm.config.scsi0 ?? "")?.[1] ?? "0";

const marks = (guest) => ({
  ...(guest.lock ? { lock: guest.lock } : {}),
  ...(guest.config.tags ? { tags: guest.config.tags } : {}),
  ...(guest.template ? { template: 1 } : {}),
});

const uptimeOf = (guest) =>
  Math.max(1, Math.floor((Date.now() - (guest.init?.since ?? Date.now())) / 1000));

export function bytesOf(size) {
  const [, number, unit] = /^([\d.]+)([KMGT]?)$/.exec(size) ?? [undefined, "0", ""];
  return Math.round(Number(number) * 1024 ** " KMGT".indexOf(unit || " "));
}

/** `/cluster/resources`: here `cpu` is real. Source: pve-manager 14a22df API2/Cluster.pm:263-728. */
export function resourceOf(guest) {
  const running = isRunning(guest);
  const status = guest.kind === "lxc" ? containerStatus(guest) : vmStatus(guest);
  const { cpu: _cpu, cpus, lock, tags, maxswap: _maxswap, swap: _swap, pid: _pid, ...rest } =
    status;
  const { diskread, diskwrite, disk, maxdisk, maxmem, mem, name, netin, netout, uptime } = rest;
  const numbers = { diskread, diskwrite, disk, maxdisk, maxmem, mem, netin, netout, uptime };
  return {
    ...numbers,
    id: `${guest.kind}/${guest.id}`,
    type: guest.kind,
    vmid: guest.id,
    node: guest.node,
    name,
    status: running ? "running" : "stopped",
    template: guest.template ? 1 : 0,
    maxcpu: Number(cpus),
    cpu: running ? 0.0173 : 0,
    ...(lock ? { lock } : {}),
    ...(tags ? { tags } : {}),
    ...(guest.ha ? { hastate: "started" } : {}),
  };
}

export const nodeSummary = (name = node) => ({
  cpu: 0.0421,
  disk: 11 * GIB,
  id: `node/${name}`,
  level: "",
  maxcpu: 8,
  maxdisk: 94 * GIB,
  maxmem: 32 * GIB,
  mem: 9 * GIB,
  node: name,
  ssl_fingerprint: FINGERPRINT,
  status: "online",
  type: "node",
  uptime: 1_209_600,
});

/** `/nodes/N/status`. Source: pve-manager 14a22df API2/Nodes.pm:352-550. */
export const nodeStatus = () => ({
  "boot-info": { mode: "efi", secureboot: 0 },
  cpu: 0,
  cpuinfo: {
    cores: 4,
    cpus: 8,
    flags: "fpu vme de pse",
    hvm: "1",
    mhz: "3400.000",
    model: "Intel(R) Core(TM) i7-6700 CPU @ 3.40GHz",
    sockets: 1,
    user_hz: 100,
  },
  "current-kernel": {
    machine: "x86_64",
    release: "6.14.8-2-pve",
    sysname: "Linux",
    version: "#1 SMP PREEMPT_DYNAMIC PMX 6.14.8-2",
  },
  idle: 0,
  ksm: { shared: 0 },
  kversion: "Linux 6.14.8-2-pve #1 SMP PREEMPT_DYNAMIC PMX 6.14.8-2",
  loadavg: ["0.12", "0.20", "0.18"],
  memory: { available: 22 * GIB, free: 20 * GIB, total: 32 * GIB, used: 9 * GIB },
  pveversion: "pve-manager/9.0.5/9c5600b249dbfd2f",
  rootfs: { avail: 78 * GIB, free: 83 * GIB, total: 94 * GIB, used: 11 * GIB },
  swap: { free: 8 * GIB, total: 8 * GIB, used: 0 },
  uptime: 1_209_600,
  wait: 0,
});

export const STORAGES = [
  { storage: "local", type: "dir", content: "backup,iso,vztmpl", total: 94 * GIB, used: 11 * GIB },
  {
    storage: "local-lvm",
    type: "lvmthin",
    content: "images,rootdir",
    total: 337 * GIB,
    used: 42 * GIB,
  },
];

/** All storages: those with a fault are the test's own. */
export const storages = () => [
  ...STORAGES,
  ...Object.entries(fault("moreStorages") ?? {}).map(([storage, text]) => ({
    storage,
    type: "nfs",
    content: "backup",
    total: 94 * GIB,
    used: 11 * GIB,
    active: text === "inactive" ? 0 : 1,
    text,
  })),
];

/** Samples a minute apart. Source: pve-cluster 7091d92 src/PVE/RRD.pm:49-130. */
export function rrdData(extra) {
  const end = Math.floor(Date.now() / 60_000) * 60;
  return [4, 3, 2, 1, 0].map((ago) => {
    const time = end - ago * 60;
    // The newest sample is often still without values.
    if (ago === 0) return { time };
    return { time, cpu: 0.01 + ago / 1000, netin: 120.5, netout: 33.25, ...extra };
  });
}

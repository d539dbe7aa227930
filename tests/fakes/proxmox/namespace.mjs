/** Running containers: an init process in its own namespaces, and how to enter them. */
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import {
  guestDirectory,
  isRunning,
  processStart,
  rootfsDirectory,
  saveGuest,
  settings,
  sleep,
} from "./state.mjs";

/** Host id of an unprivileged container's root. Source: pve-container's default idmap. */
export const SUBUID = 100_000;

/** PATH of a guest command with keep-env. Source: pve-common f665029 src/PVE/CLIHandler.pm:688. */
export const GUEST_PATH = "/sbin:/bin:/usr/sbin:/usr/bin";

const HOST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The init of a container also finds the programs of NixOS and Guix; `pct exec` does not. */
const INIT_PATH = `${HOST_PATH}:/run/current-system/sw/bin:/run/current-system/profile/bin`;

// A TERM runs the guest's own /etc/rc.shutdown, if it has one, so that a test can tell a graceful
// shutdown from a kill, and can make one that never ends. Before the trap an init ignores it.
// The init of a test that was killed ends when its files are removed; otherwise it would run in a busy loop.
const INIT = `exec 3>&1 </dev/null >/dev/null 2>&1
trap 'if [ -x /etc/rc.shutdown ]; then /etc/rc.shutdown; fi; kill $!; exit 0' TERM
echo ready >&3; exec 3>&-
while command -v sleep; do sleep 3600 & wait; done`;

const PIVOT = `set -e
mount --bind "$1" "$1"
cd "$1"
mkdir -p proc dev
mount -t proc proc proc
for name in null zero full random urandom tty; do
  [ -e dev/$name ] || : > dev/$name
  mount --bind /dev/$name dev/$name
done
if [ -n "$3" ]; then mkdir -p ".$3"; mount -t tmpfs -o "size=$4,mode=755" tmpfs ".$3"; fi
pivot_root . .
umount -l .
exec /bin/sh -c "$2"`;

const hasNamespaces = () =>
  settings.isolation === "namespaces" || settings.isolation === "user-namespace";

const isMapped = (guest) => settings.isolation === "namespaces" && guest.unprivileged;

/** Starts the guest's init and remembers it. Fails with the init's own words. */
export async function startInit(guest) {
  const log = path.join(guestDirectory(guest.id), "init.log");
  const placeholder = isMapped(guest) ? await startUserNamespace() : undefined;
  try {
    const child = spawnInit(guest, log, placeholder);
    if (!await isReady(child)) throw new Error(fs.readFileSync(log, "utf8"));
    const pid = hasNamespaces() ? childOf(child.pid) : child.pid;
    guest.init = { pid, start: processStart(pid), since: Date.now() };
    child.unref();
  } finally {
    placeholder?.kill("SIGKILL");
  }
  guest.paused = false;
  saveGuest(guest);
}

function spawnInit(guest, log, placeholder) {
  const directory = rootfsDirectory(guest.id);
  const small = guest.small ?? { path: "", bytes: 0 };
  const inside = ["sh", "-c", PIVOT, "sh", directory, INIT, small.path, String(small.bytes)];
  const command = {
    "namespaces": ["unshare", "--mount", "--pid", "--fork", ...inside],
    "user-namespace": ["unshare", "--map-root-user", "--mount", "--pid", "--fork", ...inside],
    "chroot": ["chroot", directory, "/bin/sh", "-c", INIT],
    "none": ["sh", "-c", INIT],
  }[settings.isolation];
  if (placeholder) command.unshift("nsenter", "-t", String(placeholder.pid), "-U", "--");
  const [program, ...args] = command;
  return spawn(program, args, {
    cwd: "/",
    detached: true,
    env: { PATH: INIT_PATH },
    stdio: ["ignore", "pipe", fs.openSync(log, "w")],
  });
}

/** A process in a fresh user namespace whose ids are mapped as PVE maps them. */
async function startUserNamespace() {
  const child = spawn("unshare", ["--user", "--", "sh", "-c", "echo ready; exec sleep 60"], {
    env: { PATH: HOST_PATH },
    stdio: ["ignore", "pipe", "ignore"],
  });
  await isReady(child);
  for (const map of ["uid_map", "gid_map"]) {
    fs.writeFileSync(`/proc/${child.pid}/${map}`, `0 ${SUBUID} 65536\n`);
  }
  return child;
}

const isReady = (child) =>
  new Promise((resolve) => {
    child.on("error", () => resolve(false));
    child.stdout.once("end", () => resolve(false));
    child.stdout.once("data", () => {
      child.stdout.destroy();
      resolve(true);
    });
  });

const childOf = (pid) =>
  Number(fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")[0]);

/** Kills everything in the guest and waits until its init is gone. */
export async function killInit(guest) {
  const pid = guest.init?.pid;
  if (pid !== undefined && isRunning(guest)) {
    for (const victim of hasNamespaces() ? [pid] : processesOf(guest)) kill(victim, "SIGKILL");
    while (processStart(pid) !== undefined) await sleep(5);
  }
  forget(guest);
}

/** Asks the init process to end. Returns whether it did in time. */
export async function terminateInit(guest, timeoutMs) {
  const deadline = Date.now() + timeoutMs;
  kill(guest.init.pid, "SIGTERM");
  while (processStart(guest.init.pid) !== undefined) {
    if (Date.now() >= deadline) return false;
    await sleep(5);
  }
  forget(guest);
  return true;
}

function forget(guest) {
  delete guest.init;
  guest.paused = false;
  saveGuest(guest);
}

function kill(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

/** Without a pid namespace: the init's process group and what has the container's root. */
function processesOf(guest) {
  const root = fs.realpathSync(rootfsDirectory(guest.id));
  const inside = fs.readdirSync("/proc").map(Number).filter((pid) => pid > 0).filter((pid) => {
    try {
      return fs.readlinkSync(`/proc/${pid}/root`) === root;
    } catch {
      return false;
    }
  });
  return [-guest.init.pid, ...inside];
}

/** The words before a command that make it run inside the guest, in `directory` of the guest. */
export function enter(guest, directory) {
  const { pid } = guest.init;
  const target = ["-t", String(pid)];
  const working = `--wd=/proc/${pid}/root${directory}`;
  const root = rootfsDirectory(guest.id);
  switch (settings.isolation) {
    case "namespaces": {
      const user = isMapped(guest) ? ["-U"] : [];
      return ["nsenter", ...target, ...user, "-m", "-p", working, "--"];
    }
    case "user-namespace":
      return ["nsenter", ...target, "-U", "--preserve-credentials", "-m", "-p", working, "--"];
    case "chroot":
      return ["chroot", root, "/bin/sh", "-c", 'cd "$0" && exec "$@"', directory];
    default:
      return ["/bin/sh", "-c", 'cd "$0" && exec "$@"', `${root}${directory}`];
  }
}

/** Runs a program of the host as the container's root, if that is not the caller. */
export const asContainerRoot = (guest) =>
  isMapped(guest) ? ["nsenter", "-t", String(guest.init.pid), "-U", "--"] : [];

/** Where the guest's root directory can be reached from the host, mounts of the guest included. */
export const rootOf = (guest) =>
  hasNamespaces() && isRunning(guest) ? `/proc/${guest.init.pid}/root` : rootfsDirectory(guest.id);

/**
 * A guest's path as a path of the host; links are resolved as inside the guest, the last one too.
 * What does not exist is kept as it is.
 */
export function resolveInside(root, name) {
  const todo = name.split("/");
  const done = [];
  let links = 0;
  while (todo.length > 0) {
    const part = todo.shift();
    if (part === "" || part === ".") continue;
    if (part === "..") {
      done.pop();
      continue;
    }
    const target = readLink([root, ...done, part].join("/"));
    if (target === undefined) {
      done.push(part);
      continue;
    }
    if (++links > 40) throw Object.assign(new Error("ELOOP"), { code: "ELOOP" });
    if (target.startsWith("/")) done.length = 0;
    todo.unshift(...target.split("/"));
  }
  const end = name.endsWith("/") && done.length > 0 ? "/" : "";
  return `${root}/${done.join("/")}${end}`;
}

function readLink(file) {
  try {
    return fs.readlinkSync(file);
  } catch {
    return undefined;
  }
}

/** 0 when the guest can run `command`, else 126 or 127, as execvp would find it. */
export function findProgram(guest, command) {
  if (settings.isolation === "none") return 0;
  const root = rootOf(guest);
  const names = command.includes("/")
    ? [command]
    : GUEST_PATH.split(":").map((directory) => `${directory}/${command}`);
  if (command === "") return 127;
  const found = names.map((name) => statInside(root, name)).filter((stat) => stat !== undefined);
  if (found.length === 0) return 127;
  return found.some((stat) => stat.isFile() && (stat.mode & 0o111) !== 0) ? 0 : 126;
}

export function statInside(root, name) {
  try {
    return fs.statSync(resolveInside(root, name));
  } catch {
    return undefined;
  }
}

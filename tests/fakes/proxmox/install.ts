/**
 * The Proxmox stand-in: `pct`, `qm`, `qmrestore`, `pveam`, `pvesh`, `pvesm`, `vzdump`, `lxc-info`, `ip` and `systemctl` for the PATH of
 * a test's SSH host.
 *
 * The texts, streams and exit codes are those of the real programs. Containers are real: a root
 * file system with an init in namespaces of its own, so that processes started inside are really
 * inside. What would be /etc/pve is `etc/pve` in the state directory, written and never read.
 *
 * `installProxmox({ version })` selects the wording of Proxmox VE 7.4, 8.4 or 9.2; `since(9, 1)` of wording.mjs asks
 * for it. The comments at the modules say what was read in the sources and what is from public logs.
 *
 * All state is files, so that what one call makes the next one finds:
 * - `guests/ID/state.json`: configuration, lock, snapshots; `guests/ID/rootfs`: the files of a container
 * - `volumes/STORAGE/NAME`: the disks (volumes.mjs); `template/cache`, `template/iso`: templates and images;
 *   `template/base`: the files of each container that is created (`addTemplate()` makes both)
 * - `dump`, `dump-configs`: backups and the configuration inside them
 * - `tasks`, `task-logs`: each worker by UPID with its log (tasks.mjs); `listTasks`, `readTask`, `stopTask`
 * - `faults/NAME`: the switches of `Faults` in options.ts; `calls.jsonl`: each call
 *
 * To add a command: a row in `COMMANDS` of pct.mjs or qm.mjs, or in `GET`, `CREATE` or `DELETE` of pvesh.mjs.
 * `early()` holds the checks before the worker, `worker(work)` the task, `worker(work, { hook: false })` one whose
 * failure leaves the exit code 0. `holdTask()` is where the switch `taskHolds` stops a task half way.
 * Missing: move-volume.
 */
import { bundle, NODE_OPTIONS } from "./bundle.ts";
import type { ContainerOptions, Faults, GuestOptions, Isolation, VmOptions } from "./options.ts";
import { findIsolation, launcher } from "./launcher.ts";
import { findOnPath, makeRootfs, type RootfsOptions, run } from "./rootfs.ts";
import { copyExecutables } from "../../support/executable.ts";

export type { ContainerOptions, Faults, Isolation, VmOptions } from "./options.ts";

/** One call of a program, as it was made. */
export interface Call {
  readonly program: string;
  readonly args: readonly string[];
}

const PROGRAMS = [
  ...["lxc-info", "pct", "pveam", "pvesh", "pvesm", "qm", "qmrestore", "vzdump"] as const,
  ...["ip", "systemctl"] as const,
];

/** A version of Proxmox VE, whose words the programs then use: 7.4, 8.4 or 9.2. */
export type Version = 7 | 8 | 9;
const SUBUID = 100_000;
/** What pveam.mjs takes for the right size. */
const TEMPLATE_BYTES = 126_129_049;

/** A guest as the stand-in stores it. */
export interface GuestState {
  readonly config: Readonly<Record<string, string | number>>;
  readonly lock?: string;
  readonly template?: boolean;
  readonly unprivileged?: boolean;
  /** Lower-case hex SHA-256 of the password that root got. */
  readonly passwordHash?: string;
}

/**
 * Makes a node without guests in a temporary directory. Close it, because containers are processes.
 *
 * @throws Error if no Node is installed
 */
export async function installProxmox(
  { node = "pve", version = 9 }: { readonly node?: string; readonly version?: Version } = {},
): Promise<FakeProxmox> {
  const interpreter = await findOnPath("node");
  if (interpreter === undefined) throw new Error("The Proxmox stand-in needs node on PATH");
  const stateDirectory = await Deno.makeTempDir({ prefix: "fake-pve-" });
  // Roots of unprivileged containers are other users and must get to their files.
  await Deno.chmod(stateDirectory, 0o755);
  for (const name of ["bin", "guests", "faults"]) await Deno.mkdir(`${stateDirectory}/${name}`);
  await Deno.mkdir(`${stateDirectory}/etc/pve/nodes/${node}`, { recursive: true });
  await Deno.symlink(`nodes/${node}`, `${stateDirectory}/etc/pve/local`);
  const isolation = await (isolationHere ??= findIsolation());
  await Deno.writeTextFile(
    `${stateDirectory}/settings.json`,
    JSON.stringify({ node, isolation, version }),
  );
  await Deno.writeTextFile(`${stateDirectory}/pve.cjs`, await bundle(interpreter));
  await Deno.mkdir(`${stateDirectory}/launchers`);
  const launchers = PROGRAMS.map((program) => `${stateDirectory}/launchers/${program}`);
  for (const [index, program] of PROGRAMS.entries()) {
    const text = launcher(program, interpreter, stateDirectory);
    await Deno.writeTextFile(launchers[index] ?? "", text, { mode: 0o755 });
  }
  copyExecutables(launchers, `${stateDirectory}/bin`);
  return new FakeProxmox(stateDirectory, node, isolation, interpreter);
}

let isolationHere: Promise<Isolation> | undefined;

/** A node with its guests. */
export class FakeProxmox {
  /** The directory to put first on PATH. */
  readonly binDirectory: string;
  readonly stateDirectory: string;
  /** Name of the node that the programs run on. */
  readonly node: string;
  /** How containers are isolated here. With "none" their commands see the host's files. */
  readonly isolation: Isolation;
  readonly #interpreter: string;

  constructor(stateDirectory: string, node: string, isolation: Isolation, interpreter: string) {
    this.binDirectory = `${stateDirectory}/bin`;
    this.stateDirectory = stateDirectory;
    this.node = node;
    this.isolation = isolation;
    this.#interpreter = interpreter;
  }

  async addContainer(options: ContainerOptions): Promise<void> {
    const { ctid, hostname, unprivileged = false, bash = false, smallDirectory } = options;
    const config = {
      arch: "amd64",
      cores: 2,
      ...(hostname === undefined ? {} : { hostname }),
      memory: 512,
      net0: "name=eth0,bridge=vmbr0,firewall=1,hwaddr=BC:24:11:AA:BB:CC,ip=dhcp,type=veth",
      ostype: "debian",
      rootfs: `local-lvm:vm-${ctid}-disk-0,size=8G`,
      swap: 512,
      ...(unprivileged ? { unprivileged: 1 } : {}),
      ...options.config,
    };
    await this.#add(ctid, "lxc", options, {
      config,
      unprivileged,
      hasProcess: true,
      ...(smallDirectory === undefined ? {} : { small: smallDirectory }),
    }, {
      bash,
      hostname: hostname ?? `CT${ctid}`,
      without: options.without ?? [],
      ...(options.programDirectory === undefined ? {} : { programs: options.programDirectory }),
    });
  }

  async addVm(options: VmOptions): Promise<void> {
    const { vmid, name, agent = false } = options;
    const config = {
      ...(agent ? { agent: 1 } : {}),
      boot: "order=scsi0",
      cores: 2,
      memory: 2048,
      ...(name === undefined ? {} : { name }),
      ostype: "l26",
      scsi0: `local-lvm:vm-${vmid}-disk-0,size=32G`,
      ...options.config,
    };
    const files = agent
      ? { bash: false, hostname: name ?? `vm${vmid}`, without: options.without ?? [] }
      : undefined;
    await this.#add(vmid, "qemu", options, { config, hasProcess: agent }, files);
  }

  async #add(
    id: number,
    kind: "lxc" | "qemu",
    { status, lock, template, ha, node }: GuestOptions,
    own: Record<string, unknown>,
    files: RootfsOptions | undefined,
  ): Promise<void> {
    const directory = `${this.stateDirectory}/guests/${id}`;
    await Deno.mkdir(directory);
    const isLocal = node === undefined || node === this.node;
    const isChowned = own.unprivileged === true && isLocal && this.isolation === "namespaces";
    if (files && isLocal) await makeRootfs(`${directory}/rootfs`, { ...files, isChowned });
    if (isChowned) {
      await run("chown", ["-hR", `${SUBUID}:${SUBUID}`, `${directory}/rootfs`]);
    }
    const state = { id, kind, node: node ?? this.node, status, snapshots: [], pending: {}, ...own };
    const marks = {
      ...(lock ? { lock } : {}),
      ...(template ? { template } : {}),
      ...(ha ? { ha } : {}),
    };
    // Replaced in one step: every call of a program reads all guests.
    await Deno.writeTextFile(`${directory}/state.new`, JSON.stringify({ ...state, ...marks }));
    await Deno.rename(`${directory}/state.new`, `${directory}/state.json`);
    await this.#internal(status === "running" && isLocal ? "start" : "save", id);
  }

  /**
   * Puts a template on the storage `local` and, once, the files that containers get from any template: with
   * busybox and a static address as `pct exec` finds them. Returns its volume ID.
   */
  async addTemplate(name = "debian-12-standard_12.7-1_amd64.tar.zst"): Promise<string> {
    await this.prepareTemplates();
    await Deno.mkdir(`${this.stateDirectory}/template/cache`, { recursive: true });
    const file = `${this.stateDirectory}/template/cache/${name}`;
    // An existing one may be in use.
    if (await Deno.stat(file).catch(() => undefined) === undefined) {
      await Deno.writeFile(file, new Uint8Array());
      await Deno.truncate(file, TEMPLATE_BYTES);
    }
    return `local:vztmpl/${name}`;
  }

  /** Makes the files that a container gets from a template, also from one that is downloaded later. */
  async prepareTemplates(): Promise<void> {
    const base = `${this.stateDirectory}/template/base`;
    if (await Deno.stat(base).catch(() => undefined) !== undefined) return;
    await makeRootfs(base, { bash: false, hostname: "base", without: [] });
  }

  /** Puts an ISO image on the storage `local`, or a disk image with a virtual size such as `2G`. */
  async addImage(name: string, virtualSize = "2G"): Promise<string> {
    await Deno.mkdir(`${this.stateDirectory}/template/iso`, { recursive: true });
    await Deno.writeTextFile(
      `${this.stateDirectory}/template/iso/${name}`,
      `virtual size: ${virtualSize}\n`,
    );
    return `local:iso/${name}`;
  }

  /** Returns what the programs know of a guest: its configuration, its lock and more. */
  async state(id: number): Promise<GuestState | undefined> {
    try {
      const text = await Deno.readTextFile(`${this.stateDirectory}/guests/${id}/state.json`);
      // The stand-in itself wrote this file.
      return JSON.parse(text) as GuestState;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /** Reports whether a container's configuration names its first disk: a worker that dies before loses the disk. */
  async hasRootDisk(id: number): Promise<boolean> {
    return String((await this.state(id))?.config.rootfs).includes(`:vm-${id}-disk-0`);
  }

  /** Returns the disks that exist on a storage, by name, also those that no guest has. */
  async disks(storage = "local-lvm"): Promise<string[]> {
    try {
      const folder = `${this.stateDirectory}/volumes/${storage}`;
      const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
      return names.map(decodeURIComponent).sort();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  /** Kills and removes the guest, as if another administrator had destroyed it. */
  async removeContainer(ctid: number): Promise<void> {
    await this.#internal("remove", ctid);
  }

  /** Turns a fault on; `undefined` turns it off. */
  async setFault<Name extends keyof Faults>(
    name: Name,
    value: Faults[Name] | undefined,
  ): Promise<void> {
    const file = `${this.stateDirectory}/faults/${name}`;
    if (value === undefined) {
      await Deno.remove(file).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
      return;
    }
    await Deno.writeTextFile(`${this.stateDirectory}/fault.new`, JSON.stringify(value));
    await Deno.rename(`${this.stateDirectory}/fault.new`, file);
  }

  /** Returns the container's root directory on this machine, without its own mounts. */
  rootfs(ctid: number): string {
    return `${this.stateDirectory}/guests/${ctid}/rootfs`;
  }

  /** Returns the host pid of the guest's first process, or `undefined` if it is stopped. */
  async initPid(id: number): Promise<number | undefined> {
    const text = await Deno.readTextFile(`${this.stateDirectory}/guests/${id}/state.json`);
    // The stand-in itself wrote this file.
    const state = JSON.parse(text) as { init?: { pid: number } };
    return state.init?.pid;
  }

  /** Takes a container's configuration lock. Call the returned function to release it. */
  async holdLock(ctid: number): Promise<() => Promise<void>> {
    const file = `${this.stateDirectory}/guests/${ctid}/lock`;
    const stat = await Deno.readTextFile(`/proc/${Deno.pid}/stat`);
    const start = stat.replace(/^.*\) /s, "").split(" ")[19];
    await Deno.writeTextFile(file, `${Deno.pid} ${start}`, { createNew: true });
    return () => Deno.remove(file);
  }

  /** Returns every call of a program so far. */
  async calls(): Promise<Call[]> {
    const text = await Deno.readTextFile(`${this.stateDirectory}/calls.jsonl`).catch(() => "");
    // The stand-in itself wrote these lines.
    return text.split("\n").slice(0, -1).map((line) => JSON.parse(line) as Call);
  }

  /** Kills every guest and removes the state directory. */
  async close(): Promise<void> {
    await this.#internal("stop-all", 0);
    await Deno.remove(this.stateDirectory, { recursive: true });
  }

  async #internal(action: string, id: number): Promise<void> {
    await run(
      this.#interpreter,
      [...NODE_OPTIONS, `${this.stateDirectory}/pve.cjs`, "internal", action, String(id)],
      {
        PVE_FAKE_ROOT: this.stateDirectory,
      },
    );
  }
}

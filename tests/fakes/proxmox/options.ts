/** What a test can ask of the Proxmox stand-in. */

/** How containers are kept apart: the last one, not at all, is for machines that allow no better. */
export type Isolation = "namespaces" | "chroot" | "user-namespace" | "none";

export interface GuestOptions {
  readonly status: "running" | "stopped";
  /** Value of the configuration's `lock`, for example "backup". */
  readonly lock?: string;
  readonly template?: boolean;
  /** Managed by HA: starting and stopping only asks for it. */
  readonly ha?: boolean;
  /** Another node of the cluster; its guests are seen by pvesh only. */
  readonly node?: string;
  /** Further or other lines of the configuration. */
  readonly config?: Readonly<Record<string, string | number>>;
}

export interface ContainerOptions extends GuestOptions {
  readonly ctid: number;
  readonly hostname?: string;
  /** Whether the container has bash; sh it always has. */
  readonly bash?: boolean;
  /** Root inside is 100000 outside. Has its effect with the isolation "namespaces" only. */
  readonly unprivileged?: boolean;
  /** Programs are only in this directory, as in /run/current-system/sw/bin of NixOS. */
  readonly programDirectory?: string;
  /** Programs that the container does not have. */
  readonly without?: readonly string[];
  /** A directory in the container with its own small file system. */
  readonly smallDirectory?: { readonly path: string; readonly bytes: number };
}

export interface VmOptions extends GuestOptions {
  readonly vmid: number;
  readonly name?: string;
  /** Whether `qm guest exec` works; the VM then has files and processes like a container. */
  readonly agent?: boolean;
  /** Programs that the VM does not have, for example `env` and `sh` of a Windows guest. */
  readonly without?: readonly string[];
}

/** `true` for every guest, or the ids of some. */
type Which = boolean | readonly number[];

export interface Faults {
  /** Every program answers as if it did not run as root. */
  readonly notRoot: boolean;
  /** Every program answers as without the cluster file system. */
  readonly clusterDown: boolean;
  readonly noQuorum: boolean;
  /** How long a lock is waited for, 10000 unless set. */
  readonly lockWaitMs: number;
  /** HA carries nothing out, and no VM starts again after `qm reboot`, as long as it is on. */
  readonly changesHold: boolean;
  /** Delay between a request to HA and its effect, seen by the next call. */
  readonly haDelayMs: number;
  /** Delay between the end of `qm reboot` and the start of the VM, seen by the next call. */
  readonly restartDelayMs: number;
  /** Each call takes this much longer. */
  readonly delayMs: number;
  readonly startFails: Which;
  readonly startWarns: Which;
  readonly rebootDoesNothing: Which;
  /** The guest ignores a shutdown; the time limit counts as over at once. */
  readonly shutdownHangs: Which;
  /** Tasks stay half done as long as it is on. Backups log the number as percent. */
  readonly taskHolds: number;
  /** What an interrupted snapshot or backup needs to tidy up, in milliseconds. */
  readonly cleanupMs: number;
  /** push and pull write at most this many bytes and report nothing, as on a full disk. */
  readonly copyLimit: number;
  readonly attachFails: boolean;
  readonly agentDown: boolean;
  readonly noSnapshots: boolean;
  /** The storage of a VM can roll back to its newest snapshot only, like ZFS. */
  readonly onlyNewestSnapshot: boolean;
  readonly backupFails: Which;
  /** vzdump.conf has `protected: 1`. */
  readonly protectBackups: boolean;
  /** What pvesh prints on stdout in lines of their own before and behind its JSON. */
  readonly pveshNoise: { readonly before?: string; readonly after?: string };
  /** The text that pvesh prints for a path, instead of its own answer. */
  readonly pveshAnswers: Readonly<Record<string, string>>;
  /** More storages for backups, by name: the error of reading them, or "inactive", or "" for none. */
  readonly moreStorages: Readonly<Record<string, string>>;
  /** The `dumpdir` of vzdump.conf, a directory of this machine. */
  readonly dumpdir: string;
  /** Answers of a guest agent that does not allow a command, by the command's name. */
  readonly agentRefuses: Readonly<Record<string, string>>;
  /** Storages on which nothing can be written any more. A thin pool still makes disks. */
  readonly storageFull: readonly string[];
  /** Further nodes of the cluster, and those that are offline. */
  readonly moreNodes: readonly string[];
  readonly offlineNodes: readonly string[];
  /** `pveam update` was never run. */
  readonly templateIndexMissing: boolean;
  /** Downloads end with a wrong checksum, or without a network. */
  readonly checksumWrong: boolean;
  readonly downloadFails: boolean;
  /** `pveam remove` is silent and removes nothing. */
  readonly removeDoesNothing: boolean;
  /** DHCP gives no address. */
  readonly noLease: boolean;
  /** Guests with a replication job. */
  readonly replicated: readonly number[];
  /** Backup jobs of the cluster, such as `{ id: "backup-1", vmid: "101,102" }`. */
  readonly backupJobs: readonly { readonly id: string; readonly vmid: string }[];
  /** Templates whose disks have linked clones, on a storage that notices. */
  readonly linkedClones: readonly number[];
  /** A new name that this guest gets while the quorum of the cluster is read. */
  readonly renamedMeanwhile: { readonly id: number; readonly key: string; readonly name: string };
  /** Guests whose disks cannot be removed. */
  readonly volumeStays: readonly number[];
  /** A restore fails while it unpacks. */
  readonly archiveDamaged: boolean;
  /** `set` succeeds and writes nothing. */
  readonly setDoesNothing: Which;
  /** A key that a running guest cannot take over. */
  readonly hotplugFails: string;
  /** The storage cannot make a disk larger. */
  readonly resizeFails: Which;
  /** The disk of a container gets larger and its file system does not. */
  readonly fileSystemStays: Which;
  readonly migrateFails: Which;
  /** Units of systemd that have failed. */
  readonly failedUnits: readonly string[];
  /** Days until the end of the node's certificate; 400 by default. */
  readonly certificateDays: number;
  /** `ip` cannot list the links. */
  readonly linksUnreadable: boolean;
  /** No storage can turn disks into those of a template. */
  readonly noTemplates: boolean;
}

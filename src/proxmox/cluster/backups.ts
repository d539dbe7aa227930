import { RemoteExecError } from "../../errors.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import {
  archiveMissing,
  backupFailed,
  guestMissing,
  onOtherNode,
  storagesUnreadable,
  storageUnreadable,
  storageUnusable,
} from "../errors.ts";
import { container, vm } from "../guests/guest.ts";
import {
  type HostAnswer,
  isRunning,
  outputOf,
  type ProxmoxHost,
  type RunningTask,
  withoutNoise,
} from "../host.ts";
import { errorOfPart, findInCluster, readProblem } from "../problem.ts";
import { type BackupVolume, parseStorages, parseVolumes, type Storage } from "../parsers/pvesh.ts";
import { type BackupLog, isArchive, parseBackupLog, parseBackupStep } from "../parsers/vzdump.ts";

/** What to back up and how. */
export interface BackupOrder {
  readonly vmid: number;
  /** Undefined: the default of vzdump. */
  readonly storage: string | undefined;
  readonly mode: "snapshot" | "suspend" | "stop";
  readonly timeoutMs: number;
}

/** A backup and the storage that holds it. */
export interface StoredBackup extends BackupVolume {
  readonly storage: string;
}

/** A storage whose backups could not be read. */
export interface UnreadableStorage {
  readonly storage: string;
  readonly reason: string;
}

/** The backups that could be read, oldest first. */
export interface BackupList {
  readonly backups: readonly StoredBackup[];
  readonly unreadable: readonly UnreadableStorage[];
}

/** A finished backup. */
export interface FinishedBackup {
  /** A path, or the name on a backup server. */
  readonly archive: string;
  /** The kind of the guest, `lxc` or `qemu`. */
  readonly kind?: string;
  /** Bytes; undefined if the archive could not be looked at. */
  readonly size?: number;
  /** Undefined for an archive outside of the storages, in the `dumpdir` of vzdump.conf. */
  readonly stored?: StoredBackup;
  readonly warnings: readonly string[];
}

/** Creates and lists backups. */
export class Backups {
  readonly #host: ProxmoxHost;

  constructor(host: ProxmoxHost) {
    this.#host = host;
  }

  /**
   * Backs up one container or VM. Succeeds only if the log says so and the archive exists. If the archive
   * cannot be looked at, a warning says why. Older backups are kept. A long backup goes on as a job, whose
   * output is the log.
   *
   * @throws RemoteExecError `io_error`, `not_found`, `locked`, `timeout` and others
   */
  async create(
    { vmid, storage, mode, timeoutMs }: BackupOrder,
    context: ToolContext,
  ): Promise<FinishedBackup | RunningTask> {
    const action = `The backup of ${vmid}`;
    const answer = await this.#host.longTask([
      ...["vzdump", String(vmid), "--mode", mode, "--remove", "0"] as const,
      ...["--compress", "zstd", ...(storage === undefined ? [] : ["--storage", storage])],
    ], { ...context, action, timeoutMs, progress: withPercent(context.progress) });
    if (isRunning(answer)) return answer;
    const log = parseBackupLog(answer.stdout);
    const { archive, kind, warnings } = log;
    if (answer.code !== 0 || !log.finished || archive === undefined) {
      throw await this.#problem(vmid, log, answer, context);
    }
    const found = await this.#find(archive, { vmid, storage }, context);
    return {
      archive,
      ...(kind === undefined ? {} : { kind }),
      ...(found.size === undefined ? {} : { size: found.size }),
      ...(found.stored === undefined ? {} : { stored: found.stored }),
      warnings: [...warnings, ...found.warnings],
    };
  }

  /**
   * Lists backups; undefined means of all guests or on all storages. Of several storages, those that cannot
   * be read are named.
   *
   * @throws RemoteExecError if a storage that was asked for, or every storage, cannot be read
   */
  async list(
    { vmid, storage }: { readonly vmid: number | undefined; readonly storage: string | undefined },
    context: ToolContext,
  ): Promise<BackupList> {
    if (storage !== undefined) {
      return { backups: byTime(await this.#content(storage, vmid, context)), unreadable: [] };
    }
    const storages = await this.#storages(context);
    const list = await this.#contents(storages, vmid, context);
    const { unreadable } = list;
    if (storages.length > 0 && unreadable.length === storages.length) {
      throw storagesUnreadable(unreadable);
    }
    return list;
  }

  /** Reads each storage. Only a failure that concerns the call itself is thrown. */
  async #contents(
    storages: readonly Pick<Storage, "name" | "isActive">[],
    vmid: number | undefined,
    context: ToolContext,
  ): Promise<BackupList> {
    const looks = await Promise.allSettled(storages.map(async ({ name, isActive }) => {
      if (!isActive) throw storageUnreadable(name, "it is not active");
      return await this.#content(name, vmid, context);
    }));
    const unreadable = looks.flatMap((look, index) => {
      if (look.status === "fulfilled") return [];
      const reason = errorOfPart(look.reason).message;
      return [{ storage: storages[index]?.name ?? "", reason }];
    });
    const backups = looks.flatMap((look) => look.status === "fulfilled" ? look.value : []);
    return { backups: byTime(backups), unreadable };
  }

  /**
   * Finds a finished archive: on a storage, or as a file on the node. The backup is done, so whatever
   * cannot be read becomes a warning.
   *
   * @throws RemoteExecError `verification_failed` if the archive does not exist
   */
  async #find(
    archive: string,
    { vmid, storage }: Pick<BackupOrder, "vmid" | "storage">,
    context: ToolContext,
  ): Promise<Pick<FinishedBackup, "size" | "stored" | "warnings">> {
    try {
      const storages = storage === undefined
        ? await this.#storages(context)
        : [{ name: storage, isActive: true }];
      const { backups, unreadable } = await this.#contents(storages, vmid, context);
      const stored = backups.find(({ volid }) => isArchive(volid, archive));
      if (stored !== undefined) {
        return {
          ...(stored.size === undefined ? {} : { size: stored.size }),
          stored,
          warnings: [],
        };
      }
      const size = await this.#fileSize(archive, context);
      if (size !== undefined) return { size, warnings: [] };
      // A name on a backup server says nothing about files of the node.
      const mayBeElsewhere = unreadable.length > 0 && !archive.startsWith("/");
      if (!mayBeElsewhere) throw archiveMissing(vmid, archive, unreadable);
      return { warnings: unreadable.map(({ reason }) => notLookedAt(reason)) };
    } catch (error) {
      const isUnread = error instanceof RemoteExecError && error.code !== "verification_failed";
      if (!isUnread) throw error;
      return { warnings: [notLookedAt(error.message)] };
    }
  }

  /** Returns the size of a file on the node; undefined if there is none. */
  async #fileSize(path: string, { signal }: ToolContext): Promise<number | undefined> {
    if (!path.startsWith("/")) return undefined;
    const { code, stdout } = await this.#host.run(["stat", "-L", "-c", "%F %s", "--", path], {
      signal,
      progress: undefined,
      action: "Reading the backup",
    });
    const size = /^(?:regular file|directory) (\d+)$/m.exec(stdout)?.[1];
    return code !== 0 || size === undefined ? undefined : Number(size);
  }

  /** Returns the reason of a failure. The ID may belong to either kind; vzdump silently skips other nodes. */
  async #problem(
    vmid: number,
    { kind, failure }: BackupLog,
    answer: HostAnswer,
    { signal }: ToolContext,
  ): Promise<RemoteExecError> {
    const found = await findInCluster(this.#host, vmid, signal);
    const guest = (found?.type ?? kind) === "qemu" ? vm(vmid) : container(vmid);
    const absent = found === undefined
      ? guestMissing(guest)
      : onOtherNode(guest, found.node ?? "unknown");
    // The cluster may not have answered; a failure in the log still counts.
    if (failure === undefined && found === undefined) return absent;
    if (answer.code === 0 && answer.stdout.trim() === "") return absent;
    const text = failure ?? answer.stderr;
    const problem = readProblem(guest, `The backup of ${vmid}`, text);
    if (problem === "missing") return absent;
    const known = problem !== "not_running" && problem.code !== "io_error";
    return known ? problem : backupFailed(vmid, withoutNoise(text));
  }

  async #storages(context: ToolContext): Promise<Storage[]> {
    const answer = await this.#pvesh("/nodes/localhost/storage", [], context);
    return parseStorages(outputOf(answer, "Listing the storages"), "backup");
  }

  async #content(
    storage: string,
    vmid: number | undefined,
    context: ToolContext,
  ): Promise<StoredBackup[]> {
    const { code, stdout, stderr } = await this.#pvesh(
      `/nodes/localhost/storage/${storage}/content`,
      ["--content", "backup", ...(vmid === undefined ? [] : ["--vmid", String(vmid)])],
      context,
    );
    if (code !== 0) throw storageProblem(storage, withoutNoise(stderr));
    return parseVolumes(stdout).map((volume) => ({ ...volume, storage }));
  }

  async #pvesh(
    path: string,
    options: readonly string[],
    { signal }: ToolContext,
  ): Promise<HostAnswer> {
    return await this.#host.get(path, options, {
      signal,
      progress: undefined,
      action: "Reading the backups",
    });
  }
}

const byTime = (backups: readonly StoredBackup[]): StoredBackup[] =>
  backups.toSorted((a, b) => (a.ctime ?? 0) - (b.ctime ?? 0));

const storageProblem = (storage: string, found: string): RemoteExecError =>
  /^storage '.*' does not exist/m.test(found)
    ? storageUnusable(found)
    : storageUnreadable(storage, found);

const notLookedAt = (reason: string): string =>
  `The backup is done, but its archive could not be looked at: ${reason}`;

/** Reports the log's lines as progress: the percentage, or a small step where a line has none. */
function withPercent(progress: ToolContext["progress"]): ToolContext["progress"] {
  if (progress === undefined) return undefined;
  let last = 0;
  return (step) => {
    const line = /INFO: .*/.exec(step.message ?? "")?.[0] ?? "";
    const { text = step.message ?? "", percent } = parseBackupStep(line) ?? {};
    // Progress must grow with every notification.
    last = Math.max(last + 0.001, percent ?? 0);
    progress({ progress: last, ...(percent === undefined ? {} : { total: 100 }), message: text });
  };
}

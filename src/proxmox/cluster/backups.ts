import type { RemoteExecError } from "../../errors.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { backupFailed, guestMissing, onOtherNode, storageUnusable } from "../errors.ts";
import { container, vm } from "../guests/guest.ts";
import { type HostAnswer, outputOf, type ProxmoxHost, withoutNoise } from "../host.ts";
import { findInCluster, readProblem } from "../problem.ts";
import { type BackupVolume, parseBackupStorages, parseVolumes } from "../parsers/pvesh.ts";
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

/** Creates and lists backups. */
export class Backups {
  readonly #host: ProxmoxHost;

  constructor(host: ProxmoxHost) {
    this.#host = host;
  }

  /**
   * Backs up one container or VM. Succeeds only if the log says so and the archive is on a storage. Older
   * backups are kept.
   *
   * @throws RemoteExecError `io_error`, `not_found`, `locked`, `timeout` and others
   */
  async create(
    { vmid, storage, mode, timeoutMs }: BackupOrder,
    context: ToolContext,
  ): Promise<{ readonly backup: StoredBackup; readonly warnings: readonly string[] }> {
    const action = `The backup of ${vmid}`;
    const answer = await this.#host.task([
      ...["vzdump", String(vmid), "--mode", mode, "--remove", "0"] as const,
      ...["--compress", "zstd", ...(storage === undefined ? [] : ["--storage", storage])],
    ], { ...context, action, timeoutMs, progress: withPercent(context.progress) });
    const log = parseBackupLog(answer.stdout);
    if (answer.code !== 0 || !log.finished || log.archive === undefined) {
      throw await this.#problem(vmid, log, answer, context);
    }
    const { archive } = log;
    const backup = await this.#stored(archive, { vmid, storage }, context);
    return { backup, warnings: log.warnings };
  }

  /** Lists backups, oldest first; undefined means of all guests or on all storages. @throws RemoteExecError */
  async list(
    { vmid, storage }: { readonly vmid: number | undefined; readonly storage: string | undefined },
    context: ToolContext,
  ): Promise<StoredBackup[]> {
    const storages = storage === undefined ? await this.#storages(context) : [storage];
    const lists = await Promise.all(storages.map((name) => this.#content(name, vmid, context)));
    return lists.flat().sort((a, b) => (a.ctime ?? 0) - (b.ctime ?? 0));
  }

  /** Finds a finished archive. The failure of another storage is ignored. */
  async #stored(
    archive: string,
    { vmid, storage }: Pick<BackupOrder, "vmid" | "storage">,
    context: ToolContext,
  ): Promise<StoredBackup> {
    const storages = storage === undefined ? await this.#storages(context) : [storage];
    const looks = await Promise.allSettled(
      storages.map((name) => this.#content(name, vmid, context)),
    );
    const stored = looks.flatMap((look) => look.status === "fulfilled" ? look.value : []);
    const backup = stored.find(({ volid }) => isArchive(volid, archive));
    if (backup !== undefined) return backup;
    throw looks.find((look) => look.status === "rejected")?.reason ??
      backupFailed(vmid, `${archive} is on no storage`);
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

  async #storages(context: ToolContext): Promise<string[]> {
    const answer = await this.#pvesh("/nodes/localhost/storage", [], context);
    return parseBackupStorages(outputOf(answer, "Listing the storages"));
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
    if (code !== 0) throw storageUnusable(withoutNoise(stderr));
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

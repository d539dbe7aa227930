import { posix } from "node:path";
import { abortable } from "../../../async/abortable.ts";
import { cancelling } from "../../../async/cancelling.ts";
import { type StallLimit, stallLimit } from "../../../async/stall_limit.ts";
import type { Turns } from "../../../async/turns.ts";
import { pooledMap } from "../../../async/pooled_map.ts";
import { PathGuard } from "../../../local/path_guard.ts";
import type { PathBounds } from "../../../local/paths.ts";
import {
  directoryMissing,
  otherDeleteCount,
  tooManyBytes,
  tooManyEntries,
} from "../../directories/errors.ts";
import type {
  DirectoryOutcome,
  DirectoryProgress,
  DirectoryRequest,
} from "../../directories/port.ts";
import type { StartedCommand } from "../commands/started_command.ts";
import { stalled } from "../files/copy.ts";
import { hostPath } from "../files/host_files.ts";
import { localPathErrors } from "../files/local/local_errors.ts";
import { checkRemotePath } from "../files/remote_file_errors.ts";
import { temporaryName } from "../files/temporary_files.ts";
import { download } from "./download.ts";
import { exclusion, type IsExcluded } from "./exclusion.ts";
import { LocalReader } from "./local_reader.ts";
import { LocalTarget } from "./local_target.ts";
import { localTree } from "./local_tree.ts";
import { makePlan, type Plan, sameSize } from "./plan.ts";
import { Tally } from "./tally.ts";
import { COPIED_BITS, type Tree, type TreeItem } from "./tree_item.ts";
import type { HashTool } from "./tree_script.ts";
import { TreeSession } from "./tree_session.ts";
import { upload } from "./upload.ts";

/** What {@linkcode Directories} needs from the connection to the host. */
export interface DirectoryContext {
  readonly bounds: PathBounds;
  readonly stallMs: number;
  /** Limits how many copies run at a time. */
  readonly turns: Turns;
  /** Starts a command line that the caller has asked for. */
  start(command: string, signal: AbortSignal): Promise<StartedCommand>;
  /** Starts another one, unless the login is forced. */
  startOwn(command: string, signal: AbortSignal): Promise<StartedCommand>;
}

/** From this many bytes on, the fastest hash tool is worth its start. */
const LARGE_BYTES = 8_000_000;
/** Bytes per second at which a slow disk is read for a hash. */
const MIN_HASH_SPEED = 10_000_000;
const MAX_HASH_BYTES = 600 * MIN_HASH_SPEED;
const HASHED_AT_ONCE = 8;

/** Copies directories between this machine and the host. */
export class Directories {
  readonly #context: DirectoryContext;

  constructor(context: DirectoryContext) {
    this.#context = context;
  }

  /**
   * Makes a directory equal to its source. Every file is verified by its sha256 before it gets its name.
   *
   * @throws RemoteExecError if the copy cannot begin, was aborted, or lost its connection; what was
   * finished before stays
   */
  async copy(
    request: DirectoryRequest,
    signal: AbortSignal,
    progress: ((step: DirectoryProgress) => void) | undefined,
  ): Promise<DirectoryOutcome> {
    const copying = () => this.#copy(request, signal, progress);
    return await this.#context.turns.run(copying, cancelling(signal));
  }

  async #copy(
    request: DirectoryRequest,
    signal: AbortSignal,
    progress: ((step: DirectoryProgress) => void) | undefined,
  ): Promise<DirectoryOutcome> {
    const { bounds, stallMs } = this.#context;
    using stall = stallLimit(stallMs, { signal: cancelling(signal), late: stalled });
    const guard = await PathGuard.create(bounds, localPathErrors);
    const opening = this.#open(request, stall);
    const session = await abortable(opening, stall.signal, (late) => late.close());
    try {
      const tally = new Tally(progress, stall.moved);
      const copying = new Copying(request, guard, session, tally, stall, stallMs);
      await abortable(copying.run(), stall.signal);
      return tally.outcome();
    } finally {
      await session.close();
    }
  }

  async #open({ remote }: DirectoryRequest, stall: StallLimit): Promise<TreeSession> {
    const isHost = remote.kind === "host";
    checkRemotePath(remote.path);
    const path = isHost ? hostPath(remote.path) : posix.resolve("/", remote.path);
    return await TreeSession.open({
      prefix: isHost ? "" : remote.prefix,
      path,
      label: isHost ? "the host" : remote.label,
      stage: temporaryName(posix.basename(path).replace(/^\.*$/, "") || "directory"),
      start: (command) =>
        isHost
          ? this.#context.startOwn(command, stall.signal)
          : this.#context.start(command, stall.signal),
      onMove: stall.moved,
    });
  }
}

/** One copy. */
class Copying {
  readonly #request: DirectoryRequest;
  readonly #guard: PathGuard;
  readonly #session: TreeSession;
  readonly #tally: Tally;
  readonly #stall: StallLimit;
  readonly #stallMs: number;

  constructor(
    request: DirectoryRequest,
    guard: PathGuard,
    session: TreeSession,
    tally: Tally,
    stall: StallLimit,
    stallMs: number,
  ) {
    this.#request = request;
    this.#guard = guard;
    this.#session = session;
    this.#tally = tally;
    this.#stall = stall;
    this.#stallMs = stallMs;
  }

  async run(): Promise<void> {
    const { direction, localPath, remote } = this.#request;
    const isUpload = direction === "upload";
    const isExcluded = exclusion(this.#request.exclude);
    const limits = { isExcluded, ...this.#limits(isUpload), signal: this.#stall.signal };
    const [local, far] = await Promise.all([
      localTree(this.#guard, localPath, limits),
      this.#remoteTree(isExcluded, isUpload),
    ]);
    const [source, target] = isUpload ? [local, far] : [far, local];
    if (source.root === undefined) {
      throw directoryMissing(isUpload ? "Local" : "Remote", isUpload ? localPath : remote.path);
    }
    const plan = await this.#plan(source, target, local.top);
    if (this.#request.dryRun) return;
    if (isUpload) await this.#upload(plan, source.root, target.root, local.top ?? "");
    else await this.#download(plan, source.root, target.root);
  }

  /** The destination may be larger than what is copied into it. */
  #limits(isSource: boolean): { maxEntries: number; maxBytes: number } {
    const { maxEntries, maxBytes } = this.#request;
    return isSource
      ? { maxEntries, maxBytes }
      : { maxEntries: maxEntries * 10, maxBytes: Infinity };
  }

  async #remoteTree(isExcluded: IsExcluded, isTarget: boolean): Promise<Tree> {
    const { maxEntries, maxBytes } = this.#limits(!isTarget);
    const { path } = this.#request.remote;
    const left = new Set<string>();
    let [entries, bytes] = [0, 0];
    return await this.#session.list((item) => {
      const parent = posix.dirname(item.path);
      if (left.has(parent) || isExcluded(item.path, item.kind === "directory")) {
        if (item.kind === "directory") left.add(item.path);
        return false;
      }
      bytes += item.size;
      if (++entries > maxEntries) throw tooManyEntries("Remote", path, maxEntries);
      if (bytes > maxBytes) throw tooManyBytes("Remote", path, maxBytes);
      return true;
    });
  }

  async #plan(source: Tree, target: Tree, top: string | undefined): Promise<Plan> {
    const { overwrite, deleteCount, dryRun } = this.#request;
    const equal = await this.#equal(sameSize(source, target), top);
    const plan = makePlan(source, target, equal, { overwrite });
    const tally = this.#tally;
    for (const { path, reason } of plan.failed) tally.fail(path, reason);
    tally.unchanged = plan.same.length;
    const bytes = plan.send.reduce((sum, { size }) => sum + size, 0);
    tally.total = { files: plan.send.length, bytes };
    warnOfBits(source, tally);
    if (dryRun) {
      for (const { size } of plan.send) tally.arrived(size);
      tally.deleted = plan.remove.length;
    } else if (deleteCount !== undefined && deleteCount !== plan.remove.length) {
      throw otherDeleteCount(deleteCount, plan.remove.length);
    }
    this.#allowHashing(bytes);
    return plan;
  }

  /** Returns the paths of the files whose content is equal on both sides. */
  async #equal(items: readonly TreeItem[], top: string | undefined): Promise<Set<string>> {
    if (top === undefined || items.length === 0) return new Set();
    const bytes = items.reduce((sum, { size }) => sum + size, 0);
    this.#allowHashing(bytes);
    const reader = new LocalReader(this.#guard, top);
    const paths = items.map(({ path }) => path);
    const [there, here] = await Promise.all([
      this.#session.hashes(paths, this.#tool(bytes)),
      pooledMap(items, HASHED_AT_ONCE, (item) => reader.hash(item, this.#stall.moved)),
    ]);
    return new Set(
      paths.filter((path, index) => here[index] !== undefined && here[index] === there.get(path)),
    );
  }

  async #upload(plan: Plan, root: TreeItem, found: TreeItem | undefined, top: string) {
    await upload({
      session: this.#session,
      reader: new LocalReader(this.#guard, top),
      plan,
      root: asRoot(root, found),
      tool: this.#tool(this.#tally.total.bytes),
      overwrite: this.#request.overwrite,
      deletes: this.#request.deleteCount !== undefined,
      tally: this.#tally,
    });
  }

  async #download(plan: Plan, root: TreeItem, found: TreeItem | undefined) {
    const { localPath, overwrite, deleteCount } = this.#request;
    const target = new LocalTarget(this.#guard, await this.#guard.makeDirectory(localPath));
    for (const item of plan.make) {
      const reason = target.makeDirectory(item);
      if (reason !== undefined) this.#tally.fail(item.path, reason);
    }
    const tool = this.#tool(this.#tally.total.bytes);
    await download({ session: this.#session, target, plan, tool, overwrite, tally: this.#tally });
    for (const item of plan.touch.filter(({ kind }) => kind === "file")) target.touch(item);
    if (deleteCount !== undefined) this.#deleteHere(plan, target);
    for (const item of [...plan.directories].reverse()) target.touch(item);
    target.touch(asRoot(root, found));
  }

  #deleteHere({ remove, removeDirectories }: Plan, target: LocalTarget): void {
    for (const path of remove) {
      const reason = target.remove(path);
      if (reason === undefined) this.#tally.deleted++;
      else this.#tally.fail(path, reason);
    }
    for (const path of removeDirectories) target.removeDirectory(path);
  }

  #tool(bytes: number): HashTool {
    const { tools } = this.#session;
    const isUsual = bytes < LARGE_BYTES && tools.includes("s");
    return isUsual ? "s" : tools[0] ?? "s";
  }

  /** No byte moves while the host reads files for their hashes. */
  #allowHashing(bytes: number): void {
    const seconds = Math.floor(Math.min(bytes, MAX_HASH_BYTES) / MIN_HASH_SPEED);
    this.#stall.allow(this.#stallMs + seconds * 1000);
  }
}

/** An existing directory at the top keeps its mode: others may depend on it. */
const asRoot = (root: TreeItem, found: TreeItem | undefined): TreeItem =>
  found === undefined
    ? { ...root, mode: root.mode & COPIED_BITS, uid: 0, gid: 0 }
    : { ...root, mode: found.mode, uid: found.uid, gid: found.gid };

function warnOfBits(source: Tree, tally: Tally): void {
  const special = [...source.items.values()]
    .filter(({ kind, mode }) => kind === "file" && (mode & ~COPIED_BITS) !== 0);
  const [first] = special;
  if (first === undefined) return;
  tally.warn(`setuid, setgid and sticky bits are not copied: ${special.length} files have them`);
}

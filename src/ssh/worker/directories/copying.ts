import { posix } from "node:path";
import { pooledMap } from "../../../async/pooled_map.ts";
import type { StallLimit } from "../../../async/stall_limit.ts";
import type { PathGuard } from "../../../local/path_guard.ts";
import {
  directoryMissing,
  otherDeleteCount,
  tooManyBytes,
  tooManyEntries,
} from "../../directories/errors.ts";
import type { DirectoryRequest } from "../../directories/port.ts";
import { exclusion, type IsExcluded } from "./exclusion.ts";
import { limitsOf, type LocalSide } from "./local/local_side.ts";
import { LocalTarget } from "./local/local_target.ts";
import { makePlan, type Plan, sameSize } from "./plan.ts";
import type { RemoteSide } from "./remote_side.ts";
import { NOT_TOUCHED, type Tally } from "./tally.ts";
import { COPIED_BITS, type Tree, type TreeItem } from "./tree_item.ts";

/** Bytes per second at which a slow disk is read for a hash. */
const MIN_HASH_SPEED = 10_000_000;
const MAX_HASH_BYTES = 600 * MIN_HASH_SPEED;
const HASHED_AT_ONCE = 8;

/** One copy of a directory. */
export class Copying {
  readonly #request: DirectoryRequest;
  readonly #guard: PathGuard;
  readonly #local: LocalSide;
  readonly #remote: RemoteSide;
  readonly #tally: Tally;
  readonly #stall: StallLimit;
  readonly #stallMs: number;

  constructor(
    request: DirectoryRequest,
    guard: PathGuard,
    local: LocalSide,
    remote: RemoteSide,
    tally: Tally,
    stall: StallLimit,
    stallMs: number,
  ) {
    this.#request = request;
    this.#guard = guard;
    this.#local = local;
    this.#remote = remote;
    this.#tally = tally;
    this.#stall = stall;
    this.#stallMs = stallMs;
  }

  async run(): Promise<void> {
    const { direction, localPath, remote } = this.#request;
    const isUpload = direction === "upload";
    const isExcluded = exclusion(this.#request.exclude);
    const [local, far] = await Promise.all([
      this.#local.tree,
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

  async #remoteTree(isExcluded: IsExcluded, isTarget: boolean): Promise<Tree> {
    const { maxEntries, maxBytes } = limitsOf(this.#request, !isTarget);
    const { path } = this.#request.remote;
    const left = new Set<string>();
    let [entries, bytes] = [0, 0];
    return await this.#remote.list((item) => {
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
    const equal = await this.#equal(sameSize(source, target), target, top);
    const plan = makePlan(source, target, equal, {
      overwrite,
      linkProblem: this.#request.direction === "upload" ? undefined : NO_LINKS,
    });
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
  async #equal(
    items: readonly TreeItem[],
    target: Tree,
    top: string | undefined,
  ): Promise<Set<string>> {
    if (top === undefined || items.length === 0) return new Set();
    this.#allowHashing(items.reduce((sum, { size }) => sum + size, 0));
    const reader = this.#local.reader(top);
    const [there, here] = await Promise.all([
      this.#remote.hashes(items, target),
      pooledMap(items, HASHED_AT_ONCE, (item) => reader.hash(item, this.#stall.moved)),
    ]);
    return new Set(
      items.map(({ path }) => path).filter((path, index) =>
        here[index] !== undefined && here[index] === there.get(path)
      ),
    );
  }

  async #upload(plan: Plan, root: TreeItem, found: TreeItem | undefined, top: string) {
    await this.#remote.upload({
      reader: this.#local.reader(top),
      plan,
      root: asRoot(root, found),
      overwrite: this.#request.overwrite,
      deletes: this.#request.deleteCount !== undefined,
      tally: this.#tally,
    });
  }

  async #download(plan: Plan, root: TreeItem, found: TreeItem | undefined) {
    const { localPath, overwrite, deleteCount } = this.#request;
    const tally = this.#tally;
    const target = new LocalTarget(this.#guard, await this.#guard.makeDirectory(localPath));
    for (const item of plan.make) {
      const reason = target.makeDirectory(item);
      if (reason !== undefined) tally.fail(item.path, reason);
    }
    await this.#remote.download({ target, plan, overwrite, tally });
    const touched = [
      ...plan.touch.filter(({ kind }) => kind === "file").map((item) => target.touch(item)),
    ];
    if (deleteCount !== undefined) this.#deleteHere(plan, target);
    for (const item of [...plan.directories].reverse()) touched.push(target.touch(item));
    touched.push(target.touch(asRoot(root, found)));
    if (touched.some((reason) => reason !== undefined)) tally.warn(NOT_TOUCHED);
  }

  #deleteHere({ remove, removeDirectories }: Plan, target: LocalTarget): void {
    for (const path of remove) {
      const reason = target.remove(path);
      if (reason === undefined) this.#tally.deleted++;
      else this.#tally.fail(path, reason);
    }
    for (const path of removeDirectories) target.removeDirectory(path);
  }

  /** No byte moves while the host reads files for their hashes. */
  #allowHashing(bytes: number): void {
    const seconds = Math.floor(Math.min(bytes, MAX_HASH_BYTES) / MIN_HASH_SPEED);
    this.#stall.allow(this.#stallMs + seconds * 1000);
  }
}

const NO_LINKS = "symbolic link: the server's sandbox cannot create links on this machine";

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

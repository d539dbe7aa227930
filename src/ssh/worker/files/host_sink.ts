import { posix } from "node:path";
// @ts-types="@types/ssh2"
import type { Attributes } from "ssh2";
import {
  endsInSlash,
  modeRefused,
  remoteExists,
  remoteFileError,
  verificationFailed,
} from "../../errors.ts";
import { type HostAccess, hostPath } from "./host_files.ts";
import { mountPoint, ownFileOnly } from "./in_place.ts";
import {
  absolutePath,
  isRefused,
  lstatPath,
  mayRemove,
  nameNew,
  replace,
  setModeAndClose,
  statHandle,
  statPath,
} from "./sftp/limited_sftp.ts";
import { danglingLink, orMissing, parentOr, requireFile } from "./remote_file_errors.ts";
import type { GrowingHash } from "./shell/growing_hash.ts";
import { Pipeline } from "./pipeline.ts";
import { fileKind } from "./sftp/sftp.ts";
import type { Finished, Proof, Sink, SinkOptions } from "./source_sink.ts";
import { sweepHost, temporaryName } from "./temporary_files.ts";

/**
 * From this size on, a file is hashed while it is written: the command starts beside the upload, so its two
 * round trips cost nothing.
 */
const GROWING_BYTES = 1024 * 1024;

/**
 * Creates a temporary file on the host that {@linkcode Sink.commit} renames to `path`. A symbolic link
 * stays; its target is replaced.
 *
 * @throws RemoteExecError `already_exists`, `is_directory`, `not_a_file`, `not_found`, `not_permitted`, …
 */
export async function openHostSink(
  access: HostAccess,
  path: string,
  options: SinkOptions,
): Promise<Sink> {
  const { sftp } = access;
  // Absolute, because commands on the host may start in another directory than SFTP.
  const wanted = await absolutePath(sftp, hostPath(path));
  const [link, found] = await Promise.all([
    orMissing(lstatPath(sftp, wanted), path),
    orMissing(statPath(sftp, wanted), path),
  ]);
  if (found) requireFile(path, found);
  if (link && !options.overwrite) throw remoteExists(path);
  if (path.endsWith("/")) throw endsInSlash(path);
  // Writing through a dangling link would create a file elsewhere.
  const isLink = link !== undefined && fileKind(link.mode) === "symlink";
  if (isLink && !found) throw danglingLink(path);
  const target = isLink ? await sftp.realPath(wanted) : wanted;
  const temporary = temporaryBeside(target);
  const wantedMode = options.mode ?? found?.mode;
  access.keep(temporary);
  const usualMode = wantedMode === undefined ? umaskMode(access, target) : undefined;
  usualMode?.catch(() => {}); // reported below, when it is awaited
  // 0600 from the start: a process that opens the file once can read everything that is written later.
  const handle = await sftp.open(temporary, "wx", 0o600).catch(async (error) => {
    access.drop(temporary);
    throw (found && isRefused(error) ? await ownFileOnly(sftp, target) : undefined) ??
      parentOr(path, error);
  });
  const sink = async (): Promise<Sink> => {
    const [created, mode = 0o644] = await Promise.all([
      statHandle(sftp, handle, temporary),
      usualMode ?? wantedMode,
      // Again, because some hosts ignore the mode of an open request. Others refuse to set one.
      sftp.fsetstat(handle, { mode: 0o600 }).catch(unlessRefused),
    ]);
    // Not awaited, because a directory may have many entries.
    sweepUnguarded(access, posix.dirname(target), created).catch(() => {});
    const owner = found && (found.uid !== created.uid || found.gid !== created.gid)
      ? { uid: found.uid, gid: found.gid }
      : undefined;
    const plan = { temporary, target, shown: path, options, owner, mode };
    return new HostSink(access, handle, plan);
  };
  return await sink().catch(async (error) => {
    await sftp.close(handle).catch(() => {});
    await sftp.remove(temporary).then(() => access.drop(temporary), () => {});
    throw remoteFileError("write", path, error);
  });
}

/** SFTP errors reach the caller unless the host only refuses the request. */
function unlessRefused(error: unknown): void {
  if (!isRefused(error)) throw error;
}

const temporaryBeside = (target: string): string =>
  posix.join(posix.dirname(target), temporaryName(posix.basename(target)));

/**
 * Returns the mode of a new file next to `target` by the host's umask, read from an empty probe file;
 * undefined on a host where the probe would stay.
 */
export async function umaskMode(
  { sftp, keep, drop }: HostAccess,
  target: string,
): Promise<number | undefined> {
  const probe = temporaryBeside(target);
  if (!await mayRemove(sftp, probe)) return undefined;
  keep(probe);
  const handle = await sftp.open(probe, "wx").catch((error) => {
    drop(probe);
    throw error;
  });
  try {
    return (await statHandle(sftp, handle, probe)).mode;
  } finally {
    // Not awaited: the host answers these before any later request.
    sftp.close(handle).catch(() => {});
    sftp.remove(probe).then(() => drop(probe), () => {});
  }
}

async function sweepUnguarded(
  access: HostAccess,
  directory: string,
  made: Attributes,
): Promise<void> {
  if (!await access.isGuarded()) await sweepHost(access.sftp, directory, made);
}

interface Plan {
  readonly temporary: string;
  readonly target: string;
  readonly shown: string;
  readonly options: SinkOptions;
  /** The old file's owner, if it differs from the new file's. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  readonly mode: number;
}

/** Counts the bytes from the start of a file that are stored without a gap. */
class StoredBytes {
  readonly #later = new Map<number, number>();
  #end = 0;

  /** Adds a stored piece and returns the count. */
  add(position: number, length: number): number {
    if (length > 0) this.#later.set(position, length);
    for (let next; (next = this.#later.get(this.#end)) !== undefined;) {
      this.#later.delete(this.#end);
      this.#end += next;
    }
    return this.#end;
  }
}

class HostSink implements Sink {
  readonly path: string;
  keptMode: number | undefined;
  readonly #access: HostAccess;
  readonly #handle: Uint8Array;
  readonly #plan: Plan;
  readonly #writes = new Pipeline();
  readonly #stored = new StoredBytes();
  #position = 0;
  #hash: GrowingHash | undefined;
  #state: "open" | "closed" | "done" = "open";

  constructor(access: HostAccess, handle: Uint8Array, plan: Plan) {
    this.#access = access;
    this.#handle = handle;
    this.#plan = plan;
    this.path = plan.target;
  }

  async write(chunk: Uint8Array): Promise<void> {
    const position = this.#position;
    this.#position += chunk.length;
    if (position < GROWING_BYTES && this.#position >= GROWING_BYTES) {
      this.#hash = this.#access.growingHash(this.#plan.temporary);
    }
    const writing = this.#access.sftp.write(this.#handle, chunk, position).then(() => {
      const stored = this.#stored.add(position, chunk.length);
      this.#hash?.stored(stored);
    });
    await this.#writes.add(writing).catch((error) => {
      throw remoteFileError("write", this.#plan.shown, error);
    });
  }

  async commit(finished: Finished): Promise<Proof> {
    const { sftp } = this.#access;
    const { temporary, shown } = this.#plan;
    try {
      await this.#writes.finish();
      // Hashed before the mode is set, because the mode may forbid reading.
      const [info, hash] = await Promise.all([
        statHandle(sftp, this.#handle, temporary),
        this.#sha256(finished),
      ]);
      if (info.size !== finished.size) {
        throw verificationFailed(shown, `${info.size} bytes instead of ${finished.size}`);
      }
      if (hash !== undefined && hash !== finished.sha256) {
        throw verificationFailed(shown, `sha256 ${hash} instead of ${finished.sha256}`);
      }
      await this.#setOwnerAndMode();
      await this.#plan.options.beforeRename?.();
      await this.#rename();
      this.#state = "done";
      this.#access.drop(temporary);
      return hash === undefined ? "size" : "sha256";
    } catch (error) {
      throw remoteFileError("write", shown, error);
    }
  }

  async discard(): Promise<void> {
    if (this.#state === "done") return;
    const stopping = this.#hash?.close().catch(() => {});
    await this.#writes.finish().catch(() => {});
    if (this.#state === "open") await this.#access.sftp.close(this.#handle).catch(() => {});
    await this.#access.sftp.remove(this.#plan.temporary).then(
      () => this.#access.drop(this.#plan.temporary),
      () => {},
    );
    this.#state = "done";
    await stopping;
  }

  /** Returns the hash of what is stored. In doubt, the complete file is hashed again. */
  async #sha256({ size, sha256 }: Finished): Promise<string | undefined> {
    if (await this.#hash?.finish() === sha256) return sha256;
    return await this.#access.hash(this.#plan.temporary, size);
  }

  /** Sets owner and mode and closes the file. */
  async #setOwnerAndMode(): Promise<void> {
    const { sftp } = this.#access;
    const { owner } = this.#plan;
    // Only root may change the owner; otherwise the login stays the owner.
    if (owner) await sftp.fsetstat(this.#handle, owner).catch(() => {});
    const { temporary, shown, options } = this.#plan;
    const mode = this.#plan.mode & 0o7777;
    this.#state = "closed";
    this.keptMode = await setModeAndClose(sftp, this.#handle, temporary, mode);
    if (this.keptMode !== undefined && options.mode !== undefined) {
      throw modeRefused(shown, mode, this.keptMode);
    }
  }

  async #rename(): Promise<void> {
    const { sftp } = this.#access;
    const { temporary, target, shown, options } = this.#plan;
    try {
      if (options.overwrite) return await replace(sftp, temporary, target);
      if (!await nameNew(sftp, temporary, target)) throw remoteExists(shown);
    } catch (error) {
      throw await mountPoint(sftp, target, error) ?? error;
    }
  }
}

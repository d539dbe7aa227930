import { closeSync, constants, fchmodSync, fstatSync, openSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { RemoteExecError } from "../../../../errors.ts";
import type { PathGuard } from "../../../../local/path_guard.ts";
import { isSameFile } from "../../../../local/paths.ts";
import { localExists } from "../../../errors.ts";
import { type Finished, type Proof, type Sink, type SinkOptions } from "../source_sink.ts";
import { sweepLocal, temporaryName } from "../temporary_files.ts";
import { changed, localError } from "./local_errors.ts";

/** The options of {@linkcode openLocalSink}. */
export interface LocalSinkOptions extends SinkOptions {
  /** Modification time of the new file in seconds; the current time if left out. */
  readonly mtime?: number;
  /** Removes old leftovers in the directory first; true if left out. */
  readonly sweeps?: boolean;
}

/**
 * Creates a file beside `target` that takes its name on `commit()`. Until then only this user can read it.
 *
 * @param target a resolved path in an existing directory
 * @param shown the path for error messages
 * @param options `mode` of the new file; the umask's if left out
 * @throws RemoteExecError `changed` when a directory of the path was replaced by a link, `not_permitted`,
 * `disk_full`, `io_error`
 */
export async function openLocalSink(
  guard: PathGuard,
  target: string,
  shown: string,
  { overwrite, mode, mtime, sweeps = true }: LocalSinkOptions,
): Promise<Sink> {
  const temporary = join(dirname(target), temporaryName(basename(target)));
  try {
    const finalMode = mode ?? await usualMode(guard, target, shown);
    // From the first byte: a program that has opened the file can read all that is written later.
    const file = await guard.createResolved(temporary, shown, 0o600);
    // Nobody else removes what a killed server left here; on the host its guard does.
    if (sweeps) await sweepLocal(dirname(temporary), await file.stat()).catch(() => {});
    const plan = { temporary, target, shown, overwrite, mode: finalMode & 0o777, mtime };
    return new LocalSink(file, plan);
  } catch (error) {
    throw localError("write", shown, error);
  }
}

/** Returns the mode of a new file, by umask and directory. Reading the umask needs a permission of its own. */
async function usualMode(guard: PathGuard, target: string, shown: string): Promise<number> {
  const probe = join(dirname(target), temporaryName(basename(target)));
  const file = await guard.createResolved(probe, shown);
  try {
    return (await file.stat()).mode ?? 0o644;
  } finally {
    file.close();
    await Deno.remove(probe);
  }
}

interface Plan {
  readonly temporary: string;
  readonly target: string;
  readonly shown: string;
  readonly overwrite: boolean;
  readonly mode: number;
  readonly mtime: number | undefined;
}

class LocalSink implements Sink {
  readonly path: string;
  readonly #file: Deno.FsFile;
  readonly #plan: Plan;
  #open = true;

  constructor(file: Deno.FsFile, plan: Plan) {
    this.#file = file;
    this.#plan = plan;
    this.path = plan.target;
  }

  async write(chunk: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < chunk.length;) done += await this.#file.write(chunk.subarray(done));
    } catch (error) {
      throw localError("write", this.#plan.shown, error);
    }
  }

  async commit(finished: Finished): Promise<Proof> {
    const info = await this.#file.stat();
    if (info.size !== finished.size) {
      throw new RemoteExecError(
        "verification_failed",
        `${this.#plan.shown} has ${info.size} bytes instead of ${finished.size}`,
        "Try again",
      );
    }
    try {
      if (Deno.build.os === "windows") this.#close();
      else this.#setMode(info);
      await (this.#plan.overwrite ? Deno.rename(this.#plan.temporary, this.path) : this.#nameIt());
      await this.#setTime();
    } catch (error) {
      throw error instanceof Deno.errors.AlreadyExists
        ? localExists(this.#plan.shown)
        : localError("write", this.#plan.shown, error);
    }
    return "size";
  }

  async discard(): Promise<void> {
    this.#close();
    await Deno.remove(this.#plan.temporary).catch(() => {});
  }

  /** By a handle of the written file: by its name, the mode could be set through a link put there. */
  #setMode(written: Deno.FileInfo): void {
    const handle = openSync(this.#plan.temporary, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      if (!isSameFile(fstatSync(handle), written)) throw changed(this.#plan.shown);
      fchmodSync(handle, this.#plan.mode);
    } finally {
      closeSync(handle);
    }
  }

  /** Only after the file has its name: a temporary file with an old time is swept by other calls. */
  async #setTime(): Promise<void> {
    const { mtime } = this.#plan;
    if (this.#open && mtime !== undefined) await this.#file.utime(mtime, mtime);
    this.#close();
  }

  /** A hard link fails when the name is taken; a rename would replace it. */
  async #nameIt(): Promise<void> {
    await Deno.link(this.#plan.temporary, this.path);
    await Deno.remove(this.#plan.temporary);
  }

  #close(): void {
    if (this.#open) this.#file.close();
    this.#open = false;
  }
}

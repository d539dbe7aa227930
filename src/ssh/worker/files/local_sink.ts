import { closeSync, constants, fchmodSync, fstatSync, openSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { RemoteExecError } from "../../../errors.ts";
import { localExists } from "../../errors.ts";
import { type Finished, type Proof, type Sink, type SinkOptions } from "./source_sink.ts";
import { sweepLocal, temporaryName } from "./temporary_files.ts";
import { changed, localError } from "./local_errors.ts";

/**
 * Makes a file beside `target` that takes its name at the end. Only the login reads it until then.
 *
 * @param target a path whose directory exists and has no links
 * @param options `mode` of the new file; the umask's when left out
 * @throws RemoteExecError `changed` when a link has come into the way meanwhile
 */
export async function openLocalSink(
  target: string,
  shown: string,
  { overwrite, mode }: SinkOptions,
): Promise<Sink> {
  const temporary = join(dirname(target), temporaryName(basename(target)));
  try {
    const finalMode = mode ?? await usualMode(target);
    const file = await Deno.open(temporary, {
      write: true,
      read: true,
      createNew: true,
      // From the first byte: who opens a file once can read all that comes later.
      mode: 0o600,
    });
    const sink = new LocalSink(file, temporary, target, shown, overwrite, finalMode & 0o777);
    const real = await Deno.realPath(temporary).catch(() => "");
    if (dirname(real) === dirname(temporary)) {
      // Nobody else removes what a killed server has left here; on the host its guard does.
      await sweepLocal(dirname(temporary), await file.stat()).catch(() => {});
      return sink;
    }
    await sink.discard();
    throw changed(shown);
  } catch (error) {
    throw localError("write", shown, error);
  }
}

/** The mode that a new file gets here, by umask and directory; asking for the umask is a right of its own. */
async function usualMode(target: string): Promise<number> {
  const probe = join(dirname(target), temporaryName(basename(target)));
  const file = await Deno.open(probe, { write: true, createNew: true });
  try {
    return (await file.stat()).mode ?? 0o644;
  } finally {
    file.close();
    await Deno.remove(probe);
  }
}

class LocalSink implements Sink {
  readonly path: string;
  readonly #file: Deno.FsFile;
  readonly #temporary: string;
  readonly #shown: string;
  readonly #overwrite: boolean;
  readonly #mode: number;
  #open = true;

  constructor(
    file: Deno.FsFile,
    temporary: string,
    target: string,
    shown: string,
    overwrite: boolean,
    mode: number,
  ) {
    this.#file = file;
    this.#temporary = temporary;
    this.path = target;
    this.#shown = shown;
    this.#overwrite = overwrite;
    this.#mode = mode;
  }

  async write(chunk: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < chunk.length;) done += await this.#file.write(chunk.subarray(done));
    } catch (error) {
      throw localError("write", this.#shown, error);
    }
  }

  async commit(finished: Finished): Promise<Proof> {
    const info = await this.#file.stat();
    if (info.size !== finished.size) {
      throw new RemoteExecError(
        "verification_failed",
        `${this.#shown} has ${info.size} bytes instead of ${finished.size}`,
        "Try again",
      );
    }
    try {
      if (Deno.build.os !== "windows") this.#setMode(info);
      this.#close();
      await (this.#overwrite ? Deno.rename(this.#temporary, this.path) : this.#nameIt());
    } catch (error) {
      throw error instanceof Deno.errors.AlreadyExists
        ? localExists(this.#shown)
        : localError("write", this.#shown, error);
    }
    return "size";
  }

  async discard(): Promise<void> {
    this.#close();
    await Deno.remove(this.#temporary).catch(() => {});
  }

  /** Through a handle of what was written: by its name, a link put there would lead the mode astray. */
  #setMode(written: Deno.FileInfo): void {
    const handle = openSync(this.#temporary, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const { ino, dev } = fstatSync(handle);
      if (ino !== written.ino || dev !== written.dev) throw changed(this.#shown);
      fchmodSync(handle, this.#mode);
    } finally {
      closeSync(handle);
    }
  }

  /** A hard link fails when the name is taken; a rename would replace it. */
  async #nameIt(): Promise<void> {
    await Deno.link(this.#temporary, this.path);
    await Deno.remove(this.#temporary);
  }

  #close(): void {
    if (this.#open) this.#file.close();
    this.#open = false;
  }
}

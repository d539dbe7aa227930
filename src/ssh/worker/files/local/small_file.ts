import { closeSync, fchmodSync, futimesSync, type Stats, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { PathGuard } from "../../../../local/path_guard.ts";
import { localExists } from "../../../errors.ts";
import { temporaryName } from "../temporary_files.ts";
import { asDenoError } from "../../../../local/local_file.ts";
import { localError } from "./local_errors.ts";

/** The options of {@linkcode writeSmallFile}. */
export interface SmallFileOptions {
  readonly overwrite: boolean;
  /** Permission bits. */
  readonly mode: number;
  /** Modification time in seconds. */
  readonly mtime: number;
}

/**
 * Writes a file whose complete, verified content is in memory, like `openLocalSink()`: under a temporary
 * name, which it then changes. Nothing is awaited, because each `await` costs more than its system call:
 * a file of 4 kB takes 0.15 ms of CPU time instead of 0.4 ms.
 *
 * @param target a resolved path in an existing directory
 * @param shown the path for error messages
 * @returns what the new file was directly after it was created
 * @throws RemoteExecError `already_exists`, `changed`, `not_permitted`, `disk_full`, `io_error`
 */
export function writeSmallFile(
  guard: PathGuard,
  target: string,
  shown: string,
  content: Uint8Array,
  options: SmallFileOptions,
): Stats {
  const temporary = join(dirname(target), temporaryName(basename(target)));
  const { descriptor, info } = guard.createResolvedSync(temporary, shown);
  const file = new SmallFile(descriptor, temporary);
  try {
    file.write(content, options.mode);
    file.nameIt(target, options);
    return info;
  } catch (error) {
    file.remove();
    throw error instanceof Deno.errors.AlreadyExists
      ? localExists(shown)
      : localError("write", shown, asDenoError(error));
  } finally {
    file.close();
  }
}

class SmallFile {
  readonly #descriptor: number;
  readonly #temporary: string;
  #isOpen = true;

  constructor(descriptor: number, temporary: string) {
    this.#descriptor = descriptor;
    this.#temporary = temporary;
  }

  write(content: Uint8Array, mode: number): void {
    for (let done = 0; done < content.length;) {
      done += writeSync(this.#descriptor, content, done, content.length - done);
    }
    if (Deno.build.os !== "windows") fchmodSync(this.#descriptor, mode);
  }

  /** A hard link fails when the name is taken; a rename would replace it. */
  nameIt(target: string, { overwrite, mtime }: SmallFileOptions): void {
    // Windows renames no open file.
    if (Deno.build.os === "windows") this.close();
    if (overwrite) {
      Deno.renameSync(this.#temporary, target);
    } else {
      Deno.linkSync(this.#temporary, target);
      Deno.removeSync(this.#temporary);
    }
    // Only now: a temporary file with an old time is swept by other calls.
    if (this.#isOpen) futimesSync(this.#descriptor, mtime, mtime);
  }

  remove(): void {
    this.close();
    try {
      Deno.removeSync(this.#temporary);
    } catch {
      // It has its name already.
    }
  }

  close(): void {
    if (this.#isOpen) closeSync(this.#descriptor);
    this.#isOpen = false;
  }
}

import { join, posix } from "node:path";
// @ts-types="@types/ssh2"
import type { Attributes } from "ssh2";
import { fileKind, type Sftp } from "./sftp/sftp.ts";

/** Matches the names that {@linkcode temporaryName} returns for incomplete files, and hardly any other. */
export const TEMPORARY_NAME = /^\.[^/]+\.[0-9a-f]{12}\.part$/;

/**
 * Returns an unguessable name for a temporary file next to `base`, at most 255 bytes long.
 *
 * @param ending `old` for a complete file, which the sweep never removes
 */
export function temporaryName(base: string, ending: "part" | "old" = "part"): string {
  const random = crypto.randomUUID().slice(0, 13).replace("-", "");
  let kept = base;
  while (new TextEncoder().encode(kept).length > 220) kept = kept.slice(0, -8);
  return `.${kept}.${random}.${ending}`;
}

/** A running transfer writes more often than this: a stalled one is aborted much earlier. */
const ABANDONED_MS = 15 * 60_000;
/** Directories with more names are swept only partly. */
const MAX_NAMES = 10_000;

/** One directory entry. Links are not followed. */
export interface Found {
  readonly name: string;
  readonly isFile: boolean;
  readonly uid: number | undefined;
  readonly mtimeMs: number;
}

/** The user that sweeps and the current time, both taken from a file that was just created there. */
export interface Sweeper {
  readonly uid: number | undefined;
  readonly nowMs: number;
}

/** Reports whether a killed transfer of the same user left this file behind. */
export function isAbandoned({ name, isFile, uid, mtimeMs }: Found, sweeper: Sweeper): boolean {
  return isFile && TEMPORARY_NAME.test(name) && uid === sweeper.uid &&
    sweeper.nowMs - mtimeMs > ABANDONED_MS;
}

/** Removes abandoned temporary files from a local directory. @param made a file just created in it */
export async function sweepLocal(
  directory: string,
  made: Pick<Deno.FileInfo, "uid" | "mtime">,
): Promise<void> {
  const sweeper = { uid: made.uid ?? undefined, nowMs: made.mtime?.getTime() ?? 0 };
  for await (const { name } of Deno.readDir(directory)) {
    if (!TEMPORARY_NAME.test(name)) continue;
    const path = join(directory, name);
    const info = await Deno.lstat(path).catch(() => undefined);
    if (info === undefined) continue;
    const mtimeMs = info.mtime?.getTime() ?? Infinity;
    const found = { name, isFile: info.isFile, uid: info.uid ?? undefined, mtimeMs };
    if (isAbandoned(found, sweeper)) await Deno.remove(path).catch(() => {});
  }
}

/** Removes abandoned temporary files from a directory on the host. @param made a file just created in it */
export async function sweepHost(sftp: Sftp, directory: string, made: Attributes): Promise<void> {
  const sweeper = { uid: made.uid, nowMs: made.mtime * 1000 };
  for (const { filename: name, attrs } of await sftp.list(directory, MAX_NAMES)) {
    const isFile = fileKind(attrs.mode) === "file";
    const found = { name, isFile, uid: attrs.uid, mtimeMs: attrs.mtime * 1000 };
    if (isAbandoned(found, sweeper)) await sftp.remove(posix.join(directory, name)).catch(() => {});
  }
}

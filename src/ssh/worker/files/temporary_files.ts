import { join, posix } from "node:path";
// @ts-types="@types/ssh2"
import type { Attributes } from "ssh2";
import { fileKind, type Sftp } from "./sftp.ts";

/** What {@linkcode temporaryName} gives for a file that is not complete yet, and nothing else does. */
export const TEMPORARY_NAME = /^\.[^/]+\.[0-9a-f]{12}\.part$/;

/**
 * A name beside `base` that fits 255 bytes and that nobody guesses.
 *
 * @param ending `old` is for a complete file, which is never taken for a left-over
 */
export function temporaryName(base: string, ending: "part" | "old" = "part"): string {
  const random = crypto.randomUUID().slice(0, 13).replace("-", "");
  let kept = base;
  while (new TextEncoder().encode(kept).length > 220) kept = kept.slice(0, -8);
  return `.${kept}.${random}.${ending}`;
}

/** No transfer lives for so long without a byte: it is given up before, or done with its hashes. */
const LEFT_ALONE_MS = 15 * 60_000;
/** In a directory with more names a left-over may stay. */
const MOST_NAMES = 10_000;

/** What a directory tells of one name. Links are not followed. */
export interface Found {
  readonly name: string;
  readonly isFile: boolean;
  readonly uid: number | undefined;
  readonly mtimeMs: number;
}

/** Who sweeps, and what time it is there: both as a file tells it that was made just now. */
export interface Sweeper {
  readonly uid: number | undefined;
  readonly nowMs: number;
}

/** Has a transfer of the same user left this file when it was killed? */
export function isAbandoned({ name, isFile, uid, mtimeMs }: Found, sweeper: Sweeper): boolean {
  return isFile && TEMPORARY_NAME.test(name) && uid === sweeper.uid &&
    sweeper.nowMs - mtimeMs > LEFT_ALONE_MS;
}

/** Removes left-overs beside a local file that was made just now. */
export async function sweepLocal(directory: string, made: Deno.FileInfo): Promise<void> {
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

/** Removes left-overs beside a file of the host that was made just now. */
export async function sweepHost(sftp: Sftp, directory: string, made: Attributes): Promise<void> {
  const sweeper = { uid: made.uid, nowMs: made.mtime * 1000 };
  for (const { filename: name, attrs } of await sftp.list(directory, MOST_NAMES)) {
    const isFile = fileKind(attrs.mode) === "file";
    const found = { name, isFile, uid: attrs.uid, mtimeMs: attrs.mtime * 1000 };
    if (isAbandoned(found, sweeper)) await sftp.remove(posix.join(directory, name)).catch(() => {});
  }
}

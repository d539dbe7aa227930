import { dirname } from "node:path";
import { shownValue } from "../config/environment.ts";
import type { Remark } from "../config/origin.ts";
import { userId } from "../config/user_id.ts";
import { errorText, RemoteExecError } from "../errors.ts";

/**
 * Reads an environment file that the command line names, no matter who owns it.
 *
 * @throws RemoteExecError `configuration` when it cannot be read or is not UTF-8 text
 */
export function readEnvFile(path: string): string {
  try {
    return decode(Deno.readFileSync(path), path);
  } catch (error) {
    if (error instanceof RemoteExecError) throw error;
    throw new RemoteExecError(
      "configuration",
      `Cannot read the environment file: ${unquoted(path)}`,
      "Correct --env-file, or make the file readable",
      { cause: error },
    );
  }
}

/** Text of a file, or why it was not read. */
export type FoundFile = { readonly text: string } | { readonly remark: Remark } | undefined;

/**
 * Reads `.env` if only the user can have written it: file and directories belong to the user and nobody
 * else may write them. Returns undefined if no such file exists, or if it is a directory.
 *
 * @param path absolute
 * @param home Windows has no owners to compare, so there the file must be in this directory
 * @throws RemoteExecError `configuration` when it is not UTF-8 text
 */
export function readTrustedEnvFile(path: string, home: string | undefined): FoundFile {
  try {
    if (!Deno.statSync(path).isFile) return undefined;
    const reason = Deno.build.os === "windows" ? outsideHome(path, home) : untrusted(path);
    if (reason !== undefined) return { remark: notRead(path, reason) };
    using file = Deno.openSync(path);
    // The opened file is the one that counts: it may have been replaced since.
    const again = Deno.build.os === "windows" ? undefined : wrongFile(file.statSync(), userId());
    if (again !== undefined) return { remark: notRead(path, `it ${again}`) };
    return { text: decode(readAll(file), path) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof RemoteExecError) throw error;
    return { remark: notRead(path, errorText(error)) };
  }
}

/** Returns the remark on a `.env` that is not read because the environment configures the server. */
export const notForUs = (path: string, variable: string): Remark => ({
  level: "info",
  message: `${path} was not read: ${variable} is set in the environment`,
  remedy: `Pass --env-file ${path} if it is meant for this server`,
});

const notRead = (path: string, reason: string): Remark => ({
  level: "warning",
  message: `${path} was not read: ${reason}`,
  remedy: `Correct that, or pass --env-file ${path} to read it all the same`,
});

function untrusted(path: string): string | undefined {
  const user = userId();
  if (user === undefined) return "the owner of this process cannot be determined";
  const real = Deno.realPathSync(path);
  // Of a link, its own owner and directory are checked as well as those of its target.
  for (const place of new Set([path, real])) {
    const reason = wrongFile(Deno.lstatSync(place), user);
    if (reason !== undefined) return `${place === path ? "it" : place} ${reason}`;
    const directory = dirname(place);
    const fault = wrongFile(Deno.statSync(directory), user);
    if (fault !== undefined) return `its directory ${directory} ${fault}`;
    const parent = wrongParent(Deno.realPathSync(directory), user);
    if (parent !== undefined) return parent;
  }
  return undefined;
}

function wrongFile(info: Deno.FileInfo, user: number | undefined): string | undefined {
  if (info.uid !== user) return "belongs to another user";
  // The mode of a link means nothing.
  return !info.isSymlink && ((info.mode ?? 0) & 0o022) !== 0 ? "is writable by others" : undefined;
}

/** Users who own or may write a parent directory can replace what is in it; in a sticky one, only its owners. */
function wrongParent(directory: string, user: number): string | undefined {
  for (let place = dirname(directory);; place = dirname(place)) {
    const { uid, mode } = Deno.statSync(place);
    if (uid !== user && uid !== 0) return `its parent directory ${place} belongs to another user`;
    const isOpen = ((mode ?? 0) & 0o022) !== 0 && ((mode ?? 0) & 0o1000) === 0;
    if (isOpen) return `its parent directory ${place} is writable by others`;
    if (dirname(place) === place) return undefined;
  }
}

function outsideHome(path: string, home: string | undefined): string | undefined {
  const real = Deno.realPathSync(path).toLowerCase();
  if (home !== undefined && real.startsWith(`${Deno.realPathSync(home).toLowerCase()}\\`)) {
    return undefined;
  }
  return "it is not in your user directory";
}

function readAll(file: Deno.FsFile): Uint8Array {
  const bytes = new Uint8Array(file.statSync().size);
  let length = 0;
  while (length < bytes.length) {
    const count = file.readSync(bytes.subarray(length));
    if (!count) break;
    length += count;
  }
  return bytes.subarray(0, length);
}

/** Editors on Windows write a byte order mark, and PowerShell's `>` writes UTF-16. */
function decode(bytes: Uint8Array, path: string): string {
  const [first = 0, second = 0] = bytes;
  const isMarked = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  const zeros = bytes.filter((byte) => byte === 0).length;
  if (isMarked || (zeros > 0 && zeros >= Math.floor(bytes.length / 3))) {
    throw notText(path, "it is UTF-16");
  }
  if (zeros > 0) throw notText(path, "it contains a NUL character");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw notText(path, "it is not UTF-8");
  }
}

const notText = (path: string, reason: string) =>
  new RemoteExecError(
    "configuration",
    `Cannot read the environment file ${unquoted(path)}: ${reason}`,
    "Save it as UTF-8 text",
  );

const unquoted = (path: string): string => shownValue(path).replace(/^"|"$/g, "");

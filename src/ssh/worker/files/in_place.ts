/** Why a file cannot be replaced although it can be written. */
import { posix } from "node:path";
import { printable, RemoteExecError } from "../../../errors.ts";
import { shellQuote } from "../../../shell/quote.ts";
import { statusOf } from "./sftp/limited_sftp.ts";
import type { Sftp } from "./sftp/sftp.ts";

const FAILURE = 4;
const MAX_MOUNTS_BYTES = 4_000_000;

/**
 * Returns the error for a login that may write an existing file but not create one beside it; undefined
 * if the login may not write the file either.
 */
export async function ownFileOnly(
  sftp: Sftp,
  target: string,
): Promise<RemoteExecError | undefined> {
  const handle = await sftp.open(target, "r+").catch(() => undefined);
  if (handle === undefined) return undefined;
  await sftp.close(handle).catch(() => {});
  return notBeside(target);
}

/** The login may write the file itself only. */
export const notBeside = (target: string) =>
  new RemoteExecError(
    "not_permitted",
    `Cannot replace ${
      printable(target)
    }: this login may write the file, but not create one beside it in ${
      printable(posix.dirname(target))
    }`,
    inPlace(target),
  );

/** Returns the error for a rename that failed, if the reason is that the target is a mount point. */
export async function mountPoint(
  sftp: Sftp,
  target: string,
  error: unknown,
): Promise<RemoteExecError | undefined> {
  if (statusOf(error) !== FAILURE || !(await mountsOf(sftp)).includes(target)) return undefined;
  return mounted(target);
}

/** The target is a mount point, such as a file that a container shares with its host. */
export const mounted = (target: string) =>
  new RemoteExecError(
    "not_permitted",
    `Cannot replace ${
      printable(target)
    }: it is a mount point (a bind-mounted file), so it can only be written in place`,
    inPlace(target),
  );

const inPlace = (target: string): string =>
  `To write it in place, upload to another path, such as /tmp/new, then run there: ` +
  `cat /tmp/new > ${shellQuote(target)}`;

/** Returns the mount points as the host's SFTP server sees them. Source: proc(5), mountinfo. */
async function mountsOf(sftp: Sftp): Promise<string[]> {
  const handle = await sftp.open("/proc/self/mountinfo", "r").catch(() => undefined);
  if (handle === undefined) return [];
  try {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of sftp.read(handle, MAX_MOUNTS_BYTES)) {
      text += decoder.decode(chunk, { stream: true });
    }
    return text.split("\n").map((line) => unescaped(line.split(" ")[4] ?? ""));
  } catch {
    return [];
  } finally {
    await sftp.close(handle).catch(() => {});
  }
}

/** The kernel writes space, tab, newline and backslash in octal. */
const unescaped = (path: string): string =>
  path.replace(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));

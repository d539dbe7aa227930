/** What a file is recognised by under each of its names. */
interface Identity {
  readonly dev: number;
  readonly ino: number | null;
}

/** Is what stands at a path without links one of the server's own files? */
export type IsOwn = (real: string, found: Identity | undefined) => boolean;

/**
 * Tells the server's own files (configuration, keys, known_hosts, audit log) from others, by name and by
 * what stands there: another name of the same file is no way around. It knows them as they are now; one
 * that may not be looked at from here it knows by name only.
 *
 * @param own absolute paths, those behind links as well
 */
export async function ownFiles(own: readonly string[]): Promise<IsOwn> {
  const found = await Promise.all(own.map((path) => Deno.stat(path).catch(() => undefined)));
  return (real, file) =>
    own.some((path) => sameName(path, real)) ||
    found.some((each) => each !== undefined && file !== undefined && isSame(each, file));
}

const isSame = (one: Identity, other: Identity): boolean =>
  one.ino !== null && one.ino === other.ino && one.dev === other.dev;

/** Disks of Windows and macOS do not tell capitals apart, as a rule. */
const sameName = (one: string, other: string): boolean =>
  Deno.build.os === "linux" ? one === other : one.toLowerCase() === other.toLowerCase();

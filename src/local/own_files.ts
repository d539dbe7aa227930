import { type FileIdentity, isInside } from "./paths.ts";

/** Reports whether a resolved path is one of the server's own files. */
export type IsOwnFile = (real: string, identity: FileIdentity | undefined) => boolean;

/**
 * Returns a check for the server's own files (configuration, keys, known_hosts, audit log). It knows a
 * file by name and by identity, so a hard link does not bypass it, and a directory with everything
 * below it. It knows the identities as they are now: make a new check for each operation.
 *
 * @param paths absolute paths, also those behind links
 * @param identities of own files that this worker may not inspect
 */
export async function ownFiles(
  paths: readonly string[],
  identities: readonly FileIdentity[] = [],
): Promise<IsOwnFile> {
  const found = await Promise.all(paths.map((path) => Deno.stat(path).catch(() => undefined)));
  const looked = indexed(found.filter((each) => each !== undefined));
  const given = indexOf(identities);
  return (real, identity) =>
    paths.some((path) => isInside(comparable(path), comparable(real))) ||
    (identity !== undefined && identity.ino !== null &&
      (looked.has(keyOf(identity)) || given.has(keyOf(identity))));
}

/** Main hands over thousands of identities once; they are indexed once. */
const indexes = new WeakMap<readonly FileIdentity[], ReadonlySet<string>>();

function indexOf(identities: readonly FileIdentity[]): ReadonlySet<string> {
  const index = indexes.get(identities) ?? indexed(identities);
  indexes.set(identities, index);
  return index;
}

const indexed = (identities: readonly FileIdentity[]): ReadonlySet<string> =>
  new Set(identities.filter(({ ino }) => ino !== null).map(keyOf));

const keyOf = ({ dev, ino }: FileIdentity): string => `${dev}:${ino}`;

/** File systems on Windows and macOS usually ignore case. */
const comparable = (path: string): string => Deno.build.os === "linux" ? path : path.toLowerCase();

/** What {@linkcode expandGlob} looks at. */
export interface GlobPlaces {
  /** The names in a directory, in any order; none if it cannot be listed. */
  list(directory: string): readonly string[];
  exists(path: string): boolean;
}

/**
 * Returns the existing paths that match an absolute pattern with `*`, `?`, `[…]` and backslashes, sorted.
 * Wildcards do not match `/`, nor a dot at the start of a name. After a drive letter, a backslash is a slash.
 *
 * Source: POSIX glob(), which OpenSSH calls for `Include`.
 */
export function expandGlob(pattern: string, places: GlobPlaces): string[] {
  const [drive = ""] = /^[A-Za-z]:/.exec(pattern) ?? [];
  const path = drive === "" ? pattern : pattern.slice(2).replaceAll("\\", "/");
  let found = [drive];
  for (const part of path.split("/").filter((each) => each !== "")) {
    found = found.flatMap((directory) =>
      namesLike(part, directory, places).map((name) => `${directory}/${name}`)
    );
  }
  return found.filter((path) => places.exists(path));
}

function namesLike(part: string, directory: string, places: GlobPlaces): string[] {
  if (!/[*?[\\]/.test(part)) return [part];
  const form = formOf(part);
  const isHidden = part.startsWith(".");
  return places.list(directory === "" ? "/" : directory)
    .filter((name) => (isHidden || !name.startsWith(".")) && form.test(name))
    .sort((one, other) => (one < other ? -1 : 1));
}

function formOf(part: string): RegExp {
  const source = part.replace(
    /\\(.)|\[(!?)(\]?[^\]]*)\]|(\*+)|(\?)|([^])/g,
    (_, escaped, negated, set, star, one, other) => {
      if (star) return "[^/]*";
      if (one) return "[^/]";
      if (set) return `[${negated ? "^" : ""}${set.replace(/[\\\]^[]/g, "\\$&")}]`;
      return (escaped ?? other).replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
    },
  );
  try {
    return new RegExp(`^${source}$`, "u");
  } catch {
    return /^\b$/;
  }
}

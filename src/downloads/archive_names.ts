import type { ArchiveEntry } from "./archive.ts";
import { withoutControls } from "./headers.ts";

/**
 * Gives the members of one archive names that stay below the directory it is unpacked in, on every
 * system, and that no two members share: a later one is numbered, `a (2).txt`.
 */
export class ArchiveNames {
  readonly #taken = new Map<string, ArchiveEntry["kind"]>();
  /** Where directories stand whose name could not stay, by the name they came with. */
  readonly #moved = new Map<string, string>();
  /** The next number to try, by the name that was wanted. */
  readonly #numbers = new Map<string, number>();

  /** The name to write; undefined for a directory that stands there already. */
  place({ path, kind }: Pick<ArchiveEntry, "path" | "kind">): string | undefined {
    const wanted = this.#wanted(path);
    if (wanted === "" && kind === "directory") return undefined;
    const name = wanted === "" ? "_" : wanted;
    const there = this.#taken.get(name);
    const isSameDirectory = kind === "directory" && there === "directory";
    const free = there === undefined || isSameDirectory ? name : this.#numbered(name, kind);
    if (kind === "directory" && free !== path) this.#moved.set(path, free);
    if (isSameDirectory) return undefined;
    this.#taken.set(free, kind);
    return free;
  }

  #wanted(path: string): string {
    const slash = path.lastIndexOf("/");
    const parent = this.#moved.get(path.slice(0, Math.max(0, slash)));
    if (parent === undefined) return cleanPath(path);
    const own = cleanPath(path.slice(slash + 1));
    return own === "" ? parent : `${parent}/${own}`;
  }

  #numbered(name: string, kind: ArchiveEntry["kind"]): string {
    const slash = name.lastIndexOf("/");
    const dot = name.lastIndexOf(".");
    const end = kind === "file" && dot > slash + 1 ? dot : name.length;
    let number = this.#numbers.get(name) ?? 2;
    const next = () => `${name.slice(0, end)} (${number++})${name.slice(end)}`;
    let free = next();
    while (this.#taken.has(free)) free = next();
    this.#numbers.set(name, number);
    return free;
  }
}

function cleanPath(path: string): string {
  return path.split("/").filter((part) => part !== "" && part !== "." && part !== "..")
    .map(cleanPart).join("/");
}

function cleanPart(part: string): string {
  const clean = withoutControls(part).replaceAll(/[\\:]/g, "_");
  // Windows takes blanks and dots off a name's end: ".. " would lead out there.
  return /^[. ]+$/.test(clean) ? clean.replaceAll(/[. ]/g, "_") : clean;
}

/** Replaces control characters, line separators and text direction marks by `_`. */
export const withoutControls = (text: string): string =>
  text.toWellFormed()
    // deno-lint-ignore no-control-regex -- control characters are what is replaced
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, "_");

/** Returns a file name that is valid on every system: without separators and control characters. */
export function safeFileName(name: string): string {
  const clean = withoutControls(name).replaceAll(/[/\\]/g, "_");
  return clean === "" || /^\.+$/.test(clean) ? "download" : clean;
}

/** A file or directory under the path that its source reports. */
interface Named {
  readonly path: string;
  readonly kind: "file" | "directory";
}

/**
 * Chooses the names of an archive's members. They stay below the directory that the archive is unpacked
 * in, on every system, and are unique: a later one is numbered, such as `a (2).txt`.
 */
export class ArchiveNames {
  readonly #taken = new TakenNames();
  /** The names of directories that were renamed, by the path that their source reports. */
  readonly #moved = new Map<string, string>();
  /** The next number to try, by the name that is taken. */
  readonly #numbers = new Map<string, number>();

  /** Returns the name to write, or undefined for a directory that is in the archive already. */
  place({ path, kind }: Named): string | undefined {
    const wanted = this.#wanted(path);
    if (wanted === "" && kind === "directory") return undefined;
    const name = wanted === "" ? "_" : wanted;
    const there = this.#taken.get(name);
    const isSameDirectory = kind === "directory" && there === "directory";
    const free = there === undefined || isSameDirectory ? name : this.#numbered(name, kind);
    if (kind === "directory" && free !== path) this.#moved.set(path, free);
    if (isSameDirectory) return undefined;
    this.#taken.add(free, kind);
    return free;
  }

  #wanted(path: string): string {
    const slash = path.lastIndexOf("/");
    const parent = this.#moved.get(path.slice(0, Math.max(0, slash)));
    if (parent === undefined) return cleanPath(path);
    const own = cleanPath(path.slice(slash + 1));
    return own === "" ? parent : `${parent}/${own}`;
  }

  #numbered(name: string, kind: Named["kind"]): string {
    const slash = name.lastIndexOf("/");
    const dot = name.lastIndexOf(".");
    const end = kind === "file" && dot > slash + 1 ? dot : name.length;
    let number = this.#numbers.get(name) ?? 2;
    const next = () => `${name.slice(0, end)} (${number++})${name.slice(end)}`;
    let free = next();
    while (this.#taken.get(free) !== undefined) free = next();
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
  // Windows removes spaces and dots from the end of a name: ".. " would lead out there.
  return /^[. ]+$/.test(clean) ? clean.replaceAll(/[. ]/g, "_") : clean;
}

/**
 * A set of names that takes about 20 bytes for each: only a 52-bit hash of a name is stored. If two names
 * ever share a hash, the later one is numbered without need.
 */
class TakenNames {
  /** The hash of a file, the negative hash of a directory, or 0 for a free slot. */
  #slots = new Float64Array(1024);
  #count = 0;
  /** Random, so that nobody can construct names that collide. */
  readonly #seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;

  get(name: string): Named["kind"] | undefined {
    const found = this.#slots[slotOf(this.#slots, hashOf(name, this.#seed))] ?? 0;
    if (found === 0) return undefined;
    return found > 0 ? "file" : "directory";
  }

  add(name: string, kind: Named["kind"]): void {
    if (++this.#count * 2 > this.#slots.length) this.#grow();
    const hash = hashOf(name, this.#seed);
    this.#slots[slotOf(this.#slots, hash)] = kind === "file" ? hash : -hash;
  }

  #grow(): void {
    const larger = new Float64Array(this.#slots.length * 2);
    for (const value of this.#slots) {
      if (value !== 0) larger[slotOf(larger, Math.abs(value))] = value;
    }
    this.#slots = larger;
  }
}

/** Returns the slot that has the hash, or else the free slot for it. */
function slotOf(slots: Float64Array, hash: number): number {
  let slot = hash % slots.length;
  for (let seen = slots[slot] ?? 0; seen !== 0 && Math.abs(seen) !== hash;) {
    slot = (slot + 1) % slots.length;
    seen = slots[slot] ?? 0;
  }
  return slot;
}

/** Returns a hash from 1 to 2^52. Source: cyrb53 (public domain). */
function hashOf(name: string, seed: number): number {
  let high = 0xdeadbeef ^ seed;
  let low = 0x41c6ce57 ^ seed;
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  const [first, second] = [high, low];
  high = Math.imul(first ^ (first >>> 16), 2246822507) ^
    Math.imul(second ^ (second >>> 13), 3266489909);
  low = Math.imul(second ^ (second >>> 16), 2246822507) ^
    Math.imul(high ^ (high >>> 13), 3266489909);
  return (high & 0xfffff) * 2 ** 32 + (low >>> 0) + 1;
}

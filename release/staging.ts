import { dirname, join } from "node:path";
import { projectFile } from "../tests/support/project.ts";
import { bundleModules } from "./bundle_modules.ts";
import { MODULES } from "./modules.ts";
import type { Package } from "./packages.ts";

/** What the program consists of, apart from `src`. */
const ROOT_FILES = ["main.ts", "deno.json"] as const;
/** What of a package the program can load. The rest is types, sources, maps, documentation and C code. */
const LOADED = /\.(js|cjs|mjs|json)$/;

/** A copy of the program and its packages. It is removed at the end of its block. */
export interface Staging extends Disposable {
  /** Directory with main.ts, deno.json and the bundles. */
  readonly tree: string;
  /** DENO_DIR with the packages. */
  readonly cache: string;
}

/** An entry of deno.lock, as far as it is changed here. */
interface Lock {
  readonly npm: Record<string, { scripts?: boolean }>;
}

/**
 * Copies the program and its packages and bundles its modules, so that the same sources yield the same executable on
 * every machine: `deno compile` embeds the time of each file, the place of DENO_DIR in its remarks on files that are no
 * JavaScript, and a marker whose name depends on the place of the program for each package with a script for its
 * installation (measured on Deno 2.9.4). Without the files that nothing loads, the executable is also 1.4 MB smaller.
 *
 * @param time of all files, in seconds since 1970
 */
export async function stage(packages: readonly Package[], time: number): Promise<Staging> {
  // Source maps have real paths.
  const root = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "mre_release_" }));
  const [tree, cache] = [join(root, "tree"), join(root, "cache")];
  const staging = {
    tree,
    cache,
    [Symbol.dispose]: () => Deno.removeSync(root, { recursive: true }),
  };
  try {
    fill(staging, packages, time);
    await bundleModules(join(tree, MODULES), { tree, cache });
    setTimes(join(tree, MODULES), time);
    return staging;
  } catch (error) {
    staging[Symbol.dispose]();
    throw error;
  }
}

function fill(
  { tree, cache }: Pick<Staging, "tree" | "cache">,
  packages: readonly Package[],
  time: number,
): void {
  const { denoDir, registry } = cacheOf(packages);
  const staged = join(cache, "npm", registry);
  for (const one of packages) {
    copy(one.path, join(staged, one.name, one.version), time, (name) => LOADED.test(name));
  }
  linkOthers(join(denoDir, "npm", registry), staged);
  // Deno keeps its downloads here: the runtime bases and esbuild.
  Deno.mkdirSync(join(denoDir, "dl"), { recursive: true });
  Deno.symlinkSync(join(denoDir, "dl"), join(cache, "dl"), { type: "dir" });
  copy(projectFile("src"), join(tree, "src"), time, () => true);
  for (const name of ROOT_FILES) copyFile(projectFile(name), join(tree, name), time);
  Deno.writeTextFileSync(join(tree, "deno.lock"), lockWithoutScripts());
}

/** A package is at `DENO_DIR/npm/REGISTRY/NAME/VERSION`. */
function cacheOf([first]: readonly Package[]): { denoDir: string; registry: string } {
  if (first === undefined) throw new Error("the program has no packages");
  const folder = join(first.path, "..", ...first.name.split("/").map(() => ".."));
  const npm = dirname(folder);
  return { denoDir: dirname(npm), registry: folder.slice(npm.length + 1) };
}

/** Deno wants all packages of deno.lock, also those that are not embedded. */
function linkOthers(from: string, to: string): void {
  for (const { name } of Deno.readDirSync(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    if (!exists(target)) Deno.symlinkSync(source, target);
    // A scope, or a package with other versions than the embedded one.
    else if (Deno.statSync(target).isDirectory && !exists(join(target, "package.json"))) {
      linkOthers(source, target);
    }
  }
}

function copy(from: string, to: string, time: number, wanted: (name: string) => boolean): void {
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copy(join(from, name), join(to, name), time, wanted);
    else if (wanted(name)) copyFile(join(from, name), join(to, name), time);
  }
}

function copyFile(from: string, to: string, time: number): void {
  Deno.mkdirSync(dirname(to), { recursive: true });
  Deno.copyFileSync(from, to);
  Deno.utimeSync(to, time, time);
}

function setTimes(directory: string, time: number): void {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    const path = join(directory, name);
    if (isDirectory) setTimes(path, time);
    else Deno.utimeSync(path, time, time);
  }
}

/** Scripts are never run; Deno only warns about them, and puts its markers into the packages. */
function lockWithoutScripts(): string {
  // deno.lock is written by Deno.
  const lock = JSON.parse(Deno.readTextFileSync(projectFile("deno.lock"))) as Lock;
  for (const entry of Object.values(lock.npm)) delete entry.scripts;
  return JSON.stringify(lock);
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Environment } from "./environment.ts";

/**
 * Returns the files and directories that the running program is made of: the executable, or the source
 * tree, Deno and Deno's cache. A user who can write them decides what the next start runs. (The executable
 * is compiled without Deno's code cache: it would be a file in /tmp that any local user can plant.)
 */
export function programPaths(env: Environment): string[] {
  const executable = Deno.execPath();
  if (Deno.build.standalone) return [executable];
  const source = sourceTree();
  const cache = denoCache(env);
  // The cache's part of this program comes first on its own: the rest may be large.
  const caches = cache === undefined ? [] : [join(cache, "gen", "file", source), cache];
  return [...sourcePaths(source), executable, ...installation(executable), ...caches];
}

const sourceTree = (): string => dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A tree at the root of the file system must not make every file the program's own. */
const sourcePaths = (tree: string): string[] =>
  dirname(tree) === tree
    ? ["src", "main.ts", "deno.json", "deno.lock"].map((name) => join(tree, name))
    : [tree];

/** The packages of an npm installation: its start script decides which Deno runs. */
function installation(executable: string): string[] {
  const [before, after] = executable.split(/(?<=[\\/]node_modules)[\\/]/, 2);
  return before === undefined || after === undefined
    ? []
    : [/[\\/]_npx[\\/][^\\/]+[\\/]node_modules$/.test(before) ? dirname(before) : before];
}

/** Source: Deno 2.9 manual, "DENO_DIR". */
function denoCache(env: Environment): string | undefined {
  const { DENO_DIR: given, XDG_CACHE_HOME: caches, LOCALAPPDATA: local, HOME: home } = env;
  if (given) return resolve(given);
  if (Deno.build.os === "windows") return local && join(local, "deno");
  if (Deno.build.os === "darwin") return home && join(home, "Library", "Caches", "deno");
  return caches ? join(caches, "deno") : home && join(home, ".cache", "deno");
}

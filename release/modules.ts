/** The bundles that `deno compile` puts into the executable. `release/bundle_modules.ts` writes them. */
import { fileURLToPath, pathToFileURL } from "node:url";

/** The entry module of each isolate, by the name of its bundle. */
export const ENTRIES: ReadonlyMap<string, string> = new Map([
  ["main", "main.ts"],
  // Its URL must be as long as that of the source.
  ["sandbox", "src/sandbox/launcher.ts"],
  ["ssh", "src/ssh/worker/main.ts"],
  ["transfers", "src/transfers/worker/main.ts"],
  ["downloads", "src/downloads/worker/main.ts"],
]);

/** Where the bundles are, below the directory that is compiled. */
export const MODULES = "dist/modules";

/** Returns the path of a bundle, below {@linkcode MODULES}. */
export const bundleOf = (name: string): string =>
  `${name}/${(ENTRIES.get(name) ?? "").replace(/^.*\//, "").replace(/\.ts$/, ".js")}`;

/**
 * Replaces the URLs of workers by those of their bundles. Each is padded to the length that it had, so that the
 * source maps stay valid.
 *
 * @throws Error for a worker without a bundle. Deno would load its URL from the disk
 */
export function withBundledWorkers(text: string): string {
  const changed = text.replace(
    /"([^"\n]+\.tsx?)"(?=,\s*import\.meta\.url)/g,
    (url, path: string) => {
      const source = path.replace(/^\.\.\//, "src/");
      const [name] = [...ENTRIES].find(([, entry]) => entry === source) ?? [];
      if (name === undefined) {
        throw new Error(`${url} is not in ENTRIES: add the worker to release/modules.ts`);
      }
      const bundled = `"../${bundleOf(name)}"`;
      if (bundled.length > url.length) throw new Error(`${bundled} is longer than ${url}`);
      return bundled.padEnd(url.length);
    },
  );
  const [left] = /new URL\([^)]*\.tsx?\b[^)]*\)/.exec(changed) ?? [];
  if (left !== undefined) throw new Error(`${left} is no URL that release/modules.ts can replace`);
  return changed;
}

/** Directories of this machine whose files are bundled. */
export interface Origins {
  /** The one with main.ts. */
  readonly tree: string;
  /** Deno's cache of npm packages, by each of its paths. */
  readonly npmCaches: readonly string[];
}

/**
 * Removes this machine's paths and the text of the sources from a source map.
 *
 * @param path of the map
 * @throws Error for a source that is in none of the directories
 */
export function portableMap(text: string, path: string, origins: Origins): string {
  // Written by esbuild, which `deno bundle` runs.
  const { sourcesContent: _, sources, ...map } = JSON.parse(text) as {
    sources: string[];
    sourcesContent?: string[];
  };
  const base = pathToFileURL(path);
  return JSON.stringify({
    ...map,
    sources: sources.map((source) => portablePath(new URL(source, base), origins)),
  });
}

/**
 * No path: for an uncaught error, Deno 2.9.4 reads the line from the disk, with a path from below `/tmp`, where any
 * user can put files.
 */
const SCHEME = "mcp-remote-exec:";

/** `mcp-remote-exec:src/log.ts` for a source, `mcp-remote-exec:npm/zod/4.6.7/index.js` for a file of a package. */
function portablePath({ href }: URL, { tree, npmCaches }: Origins): string {
  const below = (directory: string): string | undefined => {
    const start = `${pathToFileURL(directory)}/`;
    return href.startsWith(start) ? href.slice(start.length) : undefined;
  };
  const inPackage = npmCaches.map(below).find((path) => path !== undefined);
  // The first folder is that of the registry.
  if (inPackage !== undefined) return `${SCHEME}npm/${inPackage.replace(/^[^/]*\//, "")}`;
  const own = below(tree);
  if (own !== undefined) return `${SCHEME}${own}`;
  throw new Error(`${fileURLToPath(href)} is in none of ${[tree, ...npmCaches].join(", ")}`);
}

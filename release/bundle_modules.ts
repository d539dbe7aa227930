/**
 * Bundles main and each worker into a directory of its own. Run by `deno task compile`.
 *
 * Start to tools/list on two cores, measured: 120 ms, without bundles 150 ms. A bundle leaves out unused code, such as
 * zod's 50 languages. Deno loads its npm support only in isolates that import a package.
 */
import { join } from "node:path";
import { projectFile } from "../tests/support/project.ts";
import {
  bundleOf,
  ENTRIES,
  MODULES,
  type Origins,
  portableMap,
  withBundledWorkers,
} from "./modules.ts";

/**
 * ssh2 is not bundled, because it loads files relative to its own (1.17.0).
 *
 * Source: `deno bundle --help=full`, Deno 2.9.4.
 */
const OPTIONS = ["--minify", "--code-splitting", "--sourcemap=linked", "--external=ssh2"];
/** Selects the MCP SDK's validator for workerd, which is 250 kB smaller than the default. The program uses neither. */
const MAIN_OPTIONS = ["--conditions=workerd"];

/** The input of `deno bundle`. */
export interface Sources {
  /** Directory with main.ts and deno.json. */
  readonly tree: string;
  /** DENO_DIR with the packages; default: that of this process. */
  readonly cache?: string;
}

/**
 * Writes the bundles with source maps, so that stack traces show the lines of the sources.
 *
 * @param output the directory of the bundles, which is replaced
 * @throws Error when Deno cannot bundle a module
 */
export async function bundleModules(output: string, sources: Sources): Promise<void> {
  await Deno.remove(output, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.mkdir(output, { recursive: true });
  // Source maps have real paths.
  const directory = await Deno.realPath(output);
  const [first = "", ...others] = ENTRIES.keys();
  // Deno downloads esbuild on first use. Two concurrent downloads fail, so main is bundled alone.
  for (const names of [[first], others]) {
    const ends = await Promise.allSettled(
      names.map((name) => bundle(name, join(directory, name), sources)),
    );
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }
  const origins = await originsOf(sources);
  const texts: string[] = [];
  for (const name of ENTRIES.keys()) {
    for (const file of Deno.readDirSync(join(directory, name))) {
      const path = join(directory, name, file.name);
      const text = Deno.readTextFileSync(path);
      const changed = path.endsWith(".map")
        ? portableMap(text, path, origins)
        : withBundledWorkers(text);
      Deno.writeTextFileSync(path, changed);
      texts.push(changed);
    }
  }
  for (const name of others) {
    const url = `"../${bundleOf(name)}"`;
    if (!texts.some((text) => text.includes(url))) throw new Error(`No bundle starts ${url}`);
  }
}

async function bundle(name: string, directory: string, sources: Sources): Promise<void> {
  const source = ENTRIES.get(name) ?? "";
  const options = [...OPTIONS, ...(name === "main" ? MAIN_OPTIONS : [])];
  const args = ["bundle", "--quiet", ...options, `--outdir=${directory}`, source];
  await runDeno(args, sources, `Cannot bundle ${source}`);
}

async function originsOf(sources: Sources): Promise<Origins> {
  const stdout = await runDeno(["info", "--json"], sources, "Cannot find Deno's cache");
  const { npmCache } = JSON.parse(stdout) as { npmCache: string }; // written by Deno
  return {
    tree: await Deno.realPath(sources.tree),
    npmCaches: [npmCache, await Deno.realPath(npmCache)],
  };
}

async function runDeno(
  args: readonly string[],
  { tree, cache }: Sources,
  failure: string,
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    ...{ args: [...args], cwd: tree, env: cache === undefined ? {} : { DENO_DIR: cache } },
    ...{ stdin: "null", stdout: "piped", stderr: "piped" },
  }).output();
  if (success) return new TextDecoder().decode(stdout);
  const [reason = ""] = new TextDecoder().decode(stderr).split("\nStack backtrace:");
  throw new Error(`${failure}: ${reason.trim()}`);
}

if (import.meta.main) await bundleModules(projectFile(MODULES), { tree: projectFile("") });

import { projectFile } from "../tests/support/project.ts";
import { ENTRIES } from "./modules.ts";

/** An npm package inside the executable. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** SPDX identifier or expression of its package.json, undefined if it names none. */
  readonly license: string | undefined;
  /** Its checksum in deno.lock, such as `sha512-…`. */
  readonly integrity: string;
  /** Directory with its files, in Deno's cache. */
  readonly path: string;
  /** True if the program itself imports it. */
  readonly isDirect: boolean;
  /** Packages that it needs, each as `name@version`. */
  readonly dependencies: readonly string[];
}

/** What `deno info --json` prints, as far as it is read here. */
interface Graph {
  readonly modules: readonly { readonly npmPackage?: string; readonly error?: string }[];
  readonly npmPackages: Readonly<
    Record<string, { name: string; version: string; dependencies: string[]; localPath: string }>
  >;
}

interface Lock {
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
}

/** The fields of a package.json that name a license; `licenses` is their older form. */
interface LicenseFields {
  readonly license?: string | { readonly type: string };
  readonly licenses?: readonly { readonly type: string }[];
}

/** Returns the npm packages that main.ts and the workers load, sorted by name. Types are not in the executable. */
export async function packagesInBinary(): Promise<readonly Package[]> {
  const graphs = await Promise.all([...ENTRIES.values()].map(graphOf));
  // deno.lock is written by Deno; so is what `deno info` prints.
  const lock = JSON.parse(Deno.readTextFileSync(projectFile("deno.lock"))) as Lock;
  const found = new Map<string, Package>();
  for (const graph of graphs) {
    const direct = new Set(graph.modules.flatMap(({ npmPackage }) => npmPackage ?? []));
    const wanted = [...direct];
    for (const id of wanted) {
      const entry = graph.npmPackages[id];
      if (entry === undefined || entry.name.startsWith("@types/")) continue;
      const known = found.get(id);
      if (known !== undefined && (known.isDirect || !direct.has(id))) continue;
      const { name, version, dependencies, localPath } = entry;
      const license = licenseOf(JSON.parse(Deno.readTextFileSync(`${localPath}/package.json`)));
      const integrity = lock.npm[id]?.integrity ?? "";
      found.set(id, {
        ...{ name, version, license, integrity, dependencies, path: localPath },
        isDirect: direct.has(id),
      });
      wanted.push(...dependencies);
    }
  }
  return [...found.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}

async function graphOf(entry: string): Promise<Graph> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    // Relative: Deno takes `#` and `%` of an absolute path for parts of a URL.
    args: ["info", "--json", entry],
    cwd: projectFile(""),
    stdin: "null",
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  const graph = JSON.parse(new TextDecoder().decode(stdout)) as Graph;
  const { error } = graph.modules.find((module) => module.error !== undefined) ?? {};
  if (error !== undefined) throw new Error(error);
  return graph;
}

/** Returns the license that a package.json names. */
export function licenseOf({ license, licenses }: LicenseFields): string | undefined {
  if (typeof license === "string") return license;
  if (license !== undefined) return license.type;
  const types = (licenses ?? []).map(({ type }) => type);
  return types.length > 1 ? `(${types.join(" OR ")})` : types[0];
}

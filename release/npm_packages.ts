import { projectFile } from "../tests/support/project.ts";
import { PACKAGE, VERSION } from "./names.ts";
import { NOTICES } from "./notices.ts";
import { type Member } from "./tarball.ts";
import { platformPackage, programName, type Target } from "./targets.ts";

/** One line about the program, at most 100 characters: the MCP registry takes no more. */
export const DESCRIPTION =
  "MCP server for remote machines: SSH commands, verified file transfers, Proxmox, download links";

/** What the program is about, for catalogs. */
export const KEYWORDS = ["mcp", "model-context-protocol", "ssh", "sftp", "proxmox", "remote"];

/** What the packages say about the project. */
export interface About {
  readonly repository: string | undefined;
  /** Name in the MCP registry, which checks that the package names it. */
  readonly registryName: string | undefined;
}

/**
 * Returns the files of the package that people install. It has only the launcher; npm installs the one of its optional
 * dependencies that carries the executable for the system.
 */
export function mainPackage(targets: readonly Target[], about: About): Member[] {
  const optionalDependencies = Object.fromEntries(
    targets.map((target) => [platformPackage(target), VERSION]),
  );
  return [
    json("package.json", {
      ...manifest(PACKAGE, DESCRIPTION, about.repository),
      ...(about.registryName === undefined ? {} : { mcpName: about.registryName }),
      keywords: KEYWORDS,
      bin: { [PACKAGE]: "launcher.js" },
      engines: { node: ">=18" },
      optionalDependencies,
    }),
    projectMember("LICENSE", "LICENSE"),
    projectMember("README.md", "README.md"),
    { ...projectMember("release/launcher.js", "launcher.js"), isExecutable: true },
  ];
}

/**
 * Returns the files of the package that carries the executable for one system.
 *
 * @param licenses of what is in the executable
 */
export function executablePackage(
  target: Target,
  bytes: Uint8Array<ArrayBuffer>,
  licenses: string,
  { repository }: About,
): Member[] {
  const name = platformPackage(target);
  return [
    json("package.json", {
      ...manifest(name, `Executable of ${PACKAGE} for ${target.name}`, repository),
      os: [target.os],
      cpu: [target.cpu],
      // Deno's runtime base is linked against glibc.
      ...(target.os === "linux" ? { libc: ["glibc"] } : {}),
    }),
    projectMember("LICENSE", "LICENSE"),
    text(NOTICES, licenses),
    text("README.md", `# ${name}\n\nThe executable of \`${PACKAGE}\`. Install \`${PACKAGE}\`.\n`),
    { path: `bin/${programName(target)}`, bytes, isExecutable: true },
  ];
}

const manifest = (name: string, description: string, repository: string | undefined) => ({
  name,
  version: VERSION,
  description,
  license: "MIT",
  ...(repository === undefined
    ? {}
    : { homepage: repository, repository: { type: "git", url: `git+${repository}.git` } }),
});

const projectMember = (source: string, path: string): Member => ({
  path,
  bytes: Deno.readFileSync(projectFile(source)),
});

const text = (path: string, content: string): Member => ({
  path,
  bytes: new TextEncoder().encode(content),
});

const json = (path: string, content: unknown): Member =>
  text(path, `${JSON.stringify(content, null, 2)}\n`);

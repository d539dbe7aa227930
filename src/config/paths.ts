import { type PlatformPath, posix, win32 } from "node:path";
import { RemoteExecError } from "../errors.ts";

/** What the configuration needs to know of the machine, so that tests can be any machine. */
export interface Machine {
  readonly cwd: string;
  readonly home: string | undefined;
  readonly windows: boolean;
  /** Type of what stands at a path; links are followed. */
  kind(path: string): "file" | "directory" | "other" | "missing";
  /** The path without links. The path must exist. */
  realPath(path: string): string;
  makeDirectory(path: string): void;
}

/** The machine that the process runs on. Reads what the environment names as home. */
export function thisMachine(env: Readonly<Record<string, string | undefined>>): Machine {
  const windows = Deno.build.os === "windows";
  return {
    cwd: Deno.cwd(),
    home: (windows ? env.USERPROFILE : undefined) ?? env.HOME ?? env.USERPROFILE,
    windows,
    kind(path) {
      try {
        const info = Deno.statSync(path);
        return info.isFile ? "file" : info.isDirectory ? "directory" : "other";
      } catch {
        return "missing";
      }
    },
    realPath: (path) => Deno.realPathSync(path),
    makeDirectory: (path) => Deno.mkdirSync(path, { recursive: true }),
  };
}

/**
 * An absolute path: `~` and `~/…` start at home, relative ones at the current directory.
 *
 * @throws RemoteExecError `configuration` when `~` is used and there is no home
 */
export function expandPath(path: string, machine: Machine): string {
  const { isAbsolute, join, normalize } = pathsOf(machine);
  const tilde = /^~(?=$|[/\\])/.test(path);
  if (tilde && machine.home === undefined) {
    throw new RemoteExecError(
      "configuration",
      `"${path}" cannot be expanded: the home directory is not known`,
      "Write the whole path, or set HOME",
    );
  }
  const expanded = tilde && machine.home !== undefined ? join(machine.home, path.slice(1)) : path;
  return normalize(isAbsolute(expanded) ? expanded : join(machine.cwd, expanded));
}

/** The path without links. Of what is not there, or cannot be followed, its last part stays as it is. */
export function withoutLinks(path: string, machine: Machine): string {
  const { basename, dirname, join } = pathsOf(machine);
  try {
    return machine.realPath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(withoutLinks(parent, machine), basename(path));
  }
}

/** The directory that a path stands in. */
export const parentOf = (path: string, machine: Machine): string => pathsOf(machine).dirname(path);

/** Is this a root such as `/` or `C:\`? Claude Desktop starts servers there. */
export const isFilesystemRoot = (path: string, machine: Machine): boolean =>
  pathsOf(machine).parse(path).root === path;

const pathsOf = (machine: Machine): PlatformPath => machine.windows ? win32 : posix;

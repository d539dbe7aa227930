import { type PlatformPath, posix, win32 } from "node:path";
import { RemoteExecError } from "../errors.ts";

/** What the configuration needs to know about the machine. Tests pass a fake one. */
export interface Machine {
  readonly cwd: string;
  readonly home: string | undefined;
  readonly windows: boolean;
  /** Type of what is at a path; symbolic links are followed. */
  kind(path: string): "file" | "directory" | "other" | "missing";
  /** The path with symbolic links resolved. It must exist. */
  realPath(path: string): string;
  makeDirectory(path: string): void;
}

/** Returns the machine that the process runs on, with the home directory from the environment. */
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
 * Returns an absolute path. `~` is the home directory; a relative path starts at the current one.
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
      "Write the absolute path, or set HOME",
    );
  }
  const expanded = tilde && machine.home !== undefined ? join(machine.home, path.slice(1)) : path;
  return normalize(isAbsolute(expanded) ? expanded : join(machine.cwd, expanded));
}

/** Resolves symbolic links as far as the path exists; the rest of it stays as written. */
export function resolveLinks(path: string, machine: Machine): string {
  const { basename, dirname, join } = pathsOf(machine);
  try {
    return machine.realPath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(resolveLinks(parent, machine), basename(path));
  }
}

/** Returns the directory that contains a path. */
export const parentOf = (path: string, machine: Machine): string => pathsOf(machine).dirname(path);

/** Whether a path is a root such as `/` or `C:\`. Claude Desktop starts servers there. */
export const isFilesystemRoot = (path: string, machine: Machine): boolean =>
  pathsOf(machine).parse(path).root === path;

const pathsOf = (machine: Machine): PlatformPath => machine.windows ? win32 : posix;

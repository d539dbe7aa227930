import { type PlatformPath, posix, win32 } from "node:path";
import { RemoteExecError } from "../errors.ts";
import { type Environment, shownValue } from "./environment.ts";
import { programPaths } from "./program.ts";
import type { ConfigMachine } from "./ssh_config/files.ts";
import { userId } from "./user_id.ts";

/** What the configuration needs to know about the machine. Tests pass a fake one. */
export interface Machine extends ConfigMachine {
  readonly cwd: string;
  readonly windows: boolean;
  /** Files and directories of the running program. */
  readonly program: readonly string[];
  /** The path with symbolic links resolved. It must exist. */
  realPath(path: string): string;
  makeDirectory(path: string): void;
}

/** Returns the machine that the process runs on, with the home directory from the environment. */
export function thisMachine(env: Environment): Machine {
  const windows = Deno.build.os === "windows";
  let user: { readonly id: number | undefined } | undefined;
  return {
    cwd: Deno.cwd(),
    home: (windows ? env.USERPROFILE : undefined) ?? env.HOME ?? env.USERPROFILE,
    windows,
    program: programPaths(env),
    kind(path) {
      try {
        const info = Deno.statSync(path);
        if (info.isFile) return "file";
        return info.isDirectory ? "directory" : info.isSocket ? "socket" : "other";
      } catch {
        return "missing";
      }
    },
    readText: (path) => Deno.readTextFileSync(path),
    list(directory) {
      try {
        return [...Deno.readDirSync(directory)].map(({ name }) => name);
      } catch {
        return [];
      }
    },
    access(path) {
      const { uid, mode } = Deno.statSync(path);
      return uid === null || mode === null ? undefined : { uid, mode };
    },
    // Finding it out writes a file, and each of several hosts needs it.
    userId: () => (user ??= { id: userId() }).id,
    realPath: (path) => Deno.realPathSync(path),
    makeDirectory: (path) => Deno.mkdirSync(path, { recursive: true, mode: 0o700 }),
  };
}

/** Returns a machine that looks at each path once: many hosts share their files. For work that writes nothing. */
export const remembering = (machine: Machine): Machine => ({
  ...machine,
  kind: remembered((path) => machine.kind(path)),
  list: remembered((path) => machine.list(path)),
  readText: remembered((path) => machine.readText(path)),
  realPath: remembered((path) => machine.realPath(path)),
});

function remembered<T>(look: (path: string) => T): (path: string) => T {
  const known = new Map<string, T>();
  return (path) => {
    const found = known.get(path);
    if (found !== undefined) return found;
    const seen = look(path);
    known.set(path, seen);
    return seen;
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
      `${shownValue(path)} cannot be expanded: the home directory is not known`,
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

/** Reports whether a path is the directory itself or below it. Both are absolute. */
export function isWithin(directory: string, path: string, machine: Machine): boolean {
  const { isAbsolute, relative, sep } = pathsOf(machine);
  const rest = relative(directory, path);
  return rest.split(sep)[0] !== ".." && !isAbsolute(rest);
}

/** Returns the path of an entry of a directory. */
export const entryOf = (directory: string, name: string, machine: Machine): string =>
  pathsOf(machine).join(directory, name);

const pathsOf = (machine: Machine): PlatformPath => machine.windows ? win32 : posix;

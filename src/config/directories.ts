import { errorText, RemoteExecError } from "../errors.ts";
import type { Alias, FilesConfig } from "./config.ts";
import { attempt, type Report } from "./faults.ts";
import { shownValue } from "./environment.ts";
import type { Remark } from "./origin.ts";
import {
  entryOf,
  expandPath,
  isFilesystemRoot,
  isWithin,
  type Machine,
  parentOf,
} from "./paths.ts";
import type { Values } from "./variables/variables.ts";

/** The directories of local files. */
export type Directories = Omit<FilesConfig, "own">;

/** The directory for local files when neither the configuration nor the current directory names one. */
const DEFAULT_DIRECTORY = "~/mcp-files";
/** Executables of this program, and the files that make a directory a copy of its source. */
const EXECUTABLES = ["mcp-remote-exec", "mcp-remote-exec.exe"];
const SOURCE_FILES = ["main.ts", "deno.json", "src/sandbox/permissions.ts"];

/** Returns the directories that tools may use, or undefined if a fault was reported. */
export function chooseDirectories(
  { workingDirectory, allowedDirectories = "" }: Values,
  machine: Machine,
  report: Report,
): Directories | undefined {
  const working = attempt(
    report,
    () =>
      workingDirectory === undefined
        ? defaultDirectory(machine)
        : existingDirectory("WORKING_DIRECTORY", workingDirectory, machine),
  );
  const more = allowedDirectories.split(machine.windows ? ";" : ":").filter((path) => path !== "")
    .map((path) => attempt(report, () => existingDirectory("ALLOWED_DIRECTORIES", path, machine)));
  if (working === undefined) return undefined;
  const all = [working, ...more.filter((each) => each !== undefined)];
  return {
    workingDirectory: working.real,
    roots: [...new Set(all.map(({ real }) => real))],
    aliases: all.filter(({ path, real }) => path !== real),
  };
}

/** Returns a remark on each directory in which every file belongs to the program: no tool can use it. */
export const uselessDirectories = ({ roots }: Directories, machine: Machine): Remark[] =>
  roots.flatMap((root) => {
    const own = machine.program.find((path) => isWithin(path, root, machine));
    return own === undefined ? [] : [{
      level: "warning",
      message: `No tool can use ${root}: it belongs to this program (${own})`,
      remedy: "Set WORKING_DIRECTORY and ALLOWED_DIRECTORIES to directories outside of the program",
    }];
  });

function existingDirectory(name: string, value: string, machine: Machine): Alias {
  const path = expandPath(value, machine);
  if (machine.kind(path) !== "directory") {
    throw new RemoteExecError(
      "configuration",
      `${name} names ${shownValue(value)}, which is not a directory`,
      `Create the directory, or correct ${name}`,
    );
  }
  const alias = aliasOf(path, machine);
  if (!isFilesystemRoot(alias.real, machine) && !isKernels(alias.real, machine)) return alias;
  throw new RemoteExecError(
    "configuration",
    `${name} names ${shownValue(value)}, which would allow access to the complete system`,
    `Set ${name} to the directory that is needed`,
  );
}

/** The file systems of the kernel show every process and device. */
const isKernels = (real: string, machine: Machine): boolean =>
  !machine.windows && (real === "/dev" || /^\/(proc|sys)(\/|$)/.test(real));

function defaultDirectory(machine: Machine): Alias {
  const reason = unusable(machine.cwd, machine);
  if (reason === undefined) return aliasOf(machine.cwd, machine);
  const cause = `the current directory ${reason}`;
  if (machine.home === undefined) throw noDirectory(cause, "the home directory is not known");
  const path = expandPath(DEFAULT_DIRECTORY, machine);
  try {
    machine.makeDirectory(path);
  } catch (error) {
    throw noDirectory(cause, `${path} cannot be created: ${errorText(error)}`);
  }
  const fault = unusable(path, machine);
  if (fault !== undefined) throw noDirectory(cause, `${path} ${fault}`);
  return aliasOf(path, machine);
}

/** Returns why a directory cannot be the default for local files, as the end of a sentence. */
function unusable(path: string, machine: Machine): string | undefined {
  const real = machine.realPath(path);
  if (isFilesystemRoot(real, machine)) return "is the root";
  if (holdsProgram(real, machine)) return "holds the program";
  // Claude Desktop starts servers in System32.
  return machine.windows && /^[a-z]:\\windows(\\|$)/i.test(real) ? "belongs to Windows" : undefined;
}

function holdsProgram(real: string, machine: Machine): boolean {
  const { program } = machine;
  const isFile = (path: string) => machine.kind(path) === "file";
  const holdsFile = (name: string) => isFile(entryOf(real, name, machine));
  return EXECUTABLES.some(holdsFile) || SOURCE_FILES.every(holdsFile) ||
    program.some((own) => isWithin(own, real, machine)) ||
    program.filter(isFile).some((own) => parentOf(own, machine) === real);
}

const noDirectory = (cause: string, why: string) =>
  new RemoteExecError(
    "configuration",
    `WORKING_DIRECTORY is not set, ${cause}, and ${why}`,
    "Set WORKING_DIRECTORY to the directory for local files",
  );

const aliasOf = (path: string, machine: Machine): Alias => ({ path, real: machine.realPath(path) });

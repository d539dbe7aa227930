import type { Config } from "../../src/config/config.ts";
import type { Fault } from "../../src/config/faults.ts";
import type { Environment } from "../../src/config/environment.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Machine } from "../../src/config/paths.ts";

export interface FakeMachineOptions {
  readonly cwd?: string;
  readonly home?: string | undefined;
  readonly windows?: boolean;
  readonly files?: readonly string[];
  /** Files with their texts. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Modes of files, if not 0600. */
  readonly modes?: Readonly<Record<string, number>>;
  readonly directories?: readonly string[];
  readonly sockets?: readonly string[];
  /** What the running program is made of. */
  readonly program?: readonly string[];
  /** Symbolic links: path to target. */
  readonly links?: Readonly<Record<string, string>>;
}

/** Returns a machine that exists in memory only. `made` lists the directories that were made on it. */
export function fakeMachine(options: FakeMachineOptions = {}): Machine & { made: string[] } {
  const { cwd = "/home/me/project", windows = false, files = [], links = {} } = options;
  const { sockets = ["/run/agent.sock"], program = [], texts = {}, modes = {} } = options;
  const home = "home" in options ? options.home : "/home/me";
  const made: string[] = [];
  const directories = () => [cwd, home, ...options.directories ?? [], ...made];
  const kind = (path: string) => {
    if (directories().includes(real(path))) return "directory";
    if (sockets.includes(real(path))) return "socket";
    return [...files, ...Object.keys(texts)].includes(real(path)) ? "file" : "missing";
  };
  const real = (path: string): string => {
    const slash = windows ? "\\" : "/";
    const link = Object.keys(links).find((from) => `${path}${slash}`.startsWith(`${from}${slash}`));
    return link === undefined ? path : `${links[link]}${path.slice(link.length)}`;
  };
  return {
    cwd,
    home,
    windows,
    program,
    made,
    kind,
    readText(path) {
      const text = texts[real(path)];
      if (text === undefined) throw new Deno.errors.NotFound(path);
      return text;
    },
    list: (directory) =>
      [...files, ...Object.keys(texts)].filter((path) => path.startsWith(`${directory}/`))
        .map((path) => path.slice(directory.length + 1).replace(/\/.*/, "")),
    access: (path) => ({ uid: 1_000, mode: modes[path] ?? 0o600 }),
    userId: () => 1_000,
    realPath(path) {
      if (kind(path) === "missing") throw new Deno.errors.NotFound(path);
      return real(path);
    },
    makeDirectory: (path) => void made.push(path),
  };
}

/** The tools that need no optional module, in their order. */
export const CORE = [
  "ssh_exec_command",
  "ssh_upload_file",
  "ssh_download_file",
  "ssh_read_file",
  "ssh_write_file",
  "ssh_edit_file",
  "ssh_list_directory",
  "ssh_start_job",
  "ssh_job_output",
  "ssh_list_jobs",
  "ssh_stop_job",
  "ssh_upload_directory",
  "ssh_download_directory",
  "generate_download_link",
  "list_download_stats",
  "revoke_download_link",
];

/** The minimum that a configuration needs. */
export const BASIC: Environment = {
  I_ACCEPT_RISKS: "true",
  HOST: "server.example",
  SSH_PASSWORD: "correct horse",
};

/** Loads {@linkcode BASIC} with more variables. @throws Error if the configuration has faults */
export function configOf(env: Environment = {}, machine: Machine = fakeMachine()): Config {
  const loaded = loadConfig({ ...BASIC, ...env }, machine);
  if (loaded.ok) return loaded.config;
  throw new Error(loaded.faults.map(({ message }) => message).join("\n"));
}

/** Returns the faults of {@linkcode BASIC} with more variables. @throws Error if there are none */
export function faultsOf(
  env: Environment = {},
  machine: Machine = fakeMachine(),
): readonly Fault[] {
  const loaded = loadConfig({ ...BASIC, ...env }, machine);
  if (!loaded.ok) return loaded.faults;
  throw new Error("The configuration has no faults");
}

/** Tests on a node of their own, and the answers they compare. */
import {
  type ContainerOptions,
  type FakeProxmox,
  installProxmox,
  type Version,
} from "./install.ts";
import { CONTAINERS, peerTest } from "../../peers/require.ts";

/** The outcome of a command line. */
export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one line with the node's programs on PATH, by default in a UTF-8 locale. */
export type Shell = (
  line: string,
  options?: { cwd?: string; env?: Record<string, string> },
) => Promise<
  Answer
>;

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** What a test's node is. */
export interface NodeSetup {
  readonly containers?: readonly ContainerOptions[];
  readonly version?: Version;
}

/** Registers a test with its own node. Containers are real, so it needs root and busybox. */
export function nodeTest(
  name: string,
  options: readonly ContainerOptions[] | NodeSetup,
  work: (pve: FakeProxmox, sh: Shell) => Promise<void>,
) {
  const { containers = [], version = 9 }: NodeSetup = Array.isArray(options)
    ? { containers: options }
    : options as NodeSetup;
  peerTest({
    name,
    peer: CONTAINERS,
    fn: async () => {
      const pve = await installProxmox({ version });
      try {
        for (const container of containers) await pve.addContainer(container);
        await work(pve, shellOf(pve));
      } finally {
        await pve.close();
      }
    },
  });
}

const shellOf = (pve: FakeProxmox): Shell => async (line, { cwd = "/", env = {} } = {}) => {
  const PATH = `${pve.binDirectory}:/usr/sbin:/usr/bin:/sbin:/bin`;
  const { code, stdout, stderr } = await new Deno.Command("/bin/sh", {
    args: ["-c", line],
    cwd,
    clearEnv: true,
    env: { LC_ALL: "C.UTF-8", ...env, PATH, D: pve.stateDirectory },
    stdin: "null",
  }).output();
  return { code, stdout: text(stdout), stderr: text(stderr) };
};

export const silent = (code = 0): Answer => ({ code, stdout: "", stderr: "" });
export const refused = (stderr: string, code = 255): Answer => ({ code, stdout: "", stderr });
export const printed = (stdout: string): Answer => ({ code: 0, stdout, stderr: "" });

export const WEB = { ctid: 101, hostname: "web", status: "running" } as const;
export const IDLE = { ctid: 102, status: "stopped" } as const;

/** The permission bits of a file. */
export const modeOf = async (file: string) => ((await Deno.stat(file)).mode ?? 0) & 0o7777;

import {
  denoDirectory,
  type Program,
  type Server,
  type ServerStart,
  sourceProgram,
} from "../tests/demo/server.ts";
import { startServer } from "../tests/demo/server.ts";
import { type Sshd, startSshd } from "../tests/peers/sshd.ts";
import { compileBinary } from "./binary.ts";
import { OpenSsh } from "./openssh.ts";
import type { Result } from "./table.ts";
import { projectFile } from "../tests/support/project.ts";

/** Rows that are measured together, chosen by name. */
export interface Rows {
  readonly name: string;
  /** What is measured, for `--help`. */
  readonly about: string;
  measure(bench: Bench): Promise<readonly Result[]>;
}

/** Rows that need no host. */
export interface OfflineRows {
  readonly name: string;
  readonly about: string;
  readonly offline: true;
  measure(): Promise<readonly Result[]>;
}

/** How a server of the bench differs from the usual one. */
export interface ServerChoice {
  /** `main.ts` when left out. */
  readonly program?: Program;
  /** Where the host seems to listen; sshd's own port when left out. */
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** A real sshd, and what is needed to reach it with our server and with OpenSSH's programs. */
export class Bench implements AsyncDisposable {
  readonly sshd: Sshd;
  /** WORKING_DIRECTORY of our servers. */
  readonly local: string;
  /** A directory of the host that the login may write to. */
  readonly remote: string;
  /** What has to be said below the table. */
  readonly notes: string[] = [];
  readonly #scratch: string;
  #binary: Promise<Program | undefined> | undefined;
  readonly #denoDir: string;

  private constructor(sshd: Sshd, scratch: string, denoDir: string) {
    this.sshd = sshd;
    this.#scratch = scratch;
    this.#denoDir = denoDir;
    this.local = `${scratch}/local`;
    this.remote = `${scratch}/remote`;
  }

  static async open(): Promise<Bench> {
    const sshd = await startSshd();
    const scratch = Deno.realPathSync(await Deno.makeTempDir({ prefix: "bench_" }));
    await Deno.chmod(scratch, 0o755);
    const bench = new Bench(sshd, scratch, await denoDirectory());
    await Deno.mkdir(bench.local);
    await Deno.mkdir(bench.remote);
    if (Deno.uid() === 0) await Deno.chown(bench.remote, sshd.uid, null);
    return bench;
  }

  /** Starts a server and initializes it. */
  async startServer(choice: ServerChoice = {}): Promise<Server> {
    return await startServer(this.serverStart(choice));
  }

  /** What a server is started with. */
  serverStart({ program = sourceProgram, port, env }: ServerChoice = {}): ServerStart {
    const settings = { ...this.#environment(port ?? this.sshd.port), ...env };
    return { program, cwd: this.local, env: settings };
  }

  /** OpenSSH's programs, with their shared connection open. */
  async openSsh(port: number = this.sshd.port): Promise<OpenSsh> {
    const openSsh = new OpenSsh({
      port,
      username: this.sshd.username,
      keyPath: this.sshd.keyPath,
      knownHostsPath: this.#knownHosts(port),
      controlPath: `${this.#scratch}/control_${port}`,
    });
    await openSsh.startMaster();
    return openSsh;
  }

  /** `main.ts`, and the binary where there is one, each with its name. */
  async programs(): Promise<{ name: string; program: Program }[]> {
    const source = { name: "main.ts", program: sourceProgram };
    const binary = await (this.#binary ??= this.#findBinary());
    return binary === undefined ? [source] : [source, { name: "the binary", program: binary }];
  }

  /** Made from the tree as it stands if that is possible here, else the one in dist. */
  async #findBinary(): Promise<Program | undefined> {
    try {
      return await compileBinary(`${this.#scratch}/mcp-remote-exec`);
    } catch (error) {
      const command = projectFile("dist/mcp-remote-exec");
      const found = await Deno.stat(command).catch(() => undefined);
      const instead = found ? `the one of ${found.mtime?.toISOString()} was` : "no binary was";
      this.notes.push(`${error}\nSo ${instead} measured.`);
      return found && { command, args: [] };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sshd.close();
    await Deno.remove(this.#scratch, { recursive: true });
  }

  #environment(port: number): Record<string, string> {
    return {
      HOME: this.#scratch,
      DENO_DIR: this.#denoDir,
      I_ACCEPT_RISKS: "true",
      HOST: this.sshd.host,
      SSH_PORT: String(port),
      SSH_USERNAME: this.sshd.username,
      SSH_KEY: this.sshd.keyPath,
      SSH_KNOWN_HOSTS: this.#knownHosts(port),
      WORKING_DIRECTORY: this.local,
      MAX_FILE_SIZE: String(1_000_000_000),
    };
  }

  #knownHosts(port: number): string {
    const path = `${this.#scratch}/known_hosts_${port}`;
    const { knownHostsText, port: own } = this.sshd;
    Deno.writeTextFileSync(path, knownHostsText.replaceAll(`:${own} `, `:${port} `));
    return path;
  }
}

/** Runs a command over MCP. @throws Error unless it ends with exit code 0 */
export async function exec(server: Server, command: string): Promise<void> {
  const { data, text } = await server.call("ssh_exec_command", { command });
  if (data.exit_code !== 0) throw new Error(`The command has failed: ${command}\n${text}`);
}

/** Milliseconds that a piece of work takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/**
 * Alternates between several kinds of work, so that other load of the machine affects all of them.
 * Returns the samples of each.
 */
export async function interleave<Name extends string>(
  rounds: number,
  work: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Record<Name, number[]>> {
  // Object.keys forgets that the names are the record's own.
  const names = Object.keys(work) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    number[]
  >;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) samples[name].push(await work[name]());
  }
  return samples;
}

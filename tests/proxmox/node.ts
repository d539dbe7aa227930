import type { SshDirectoriesPort } from "../../src/ssh/directories/port.ts";
import { DirectoryService } from "../../src/ssh/directories/service.ts";
import { directoryTools } from "../../src/ssh/directories/tools.ts";
/** A Proxmox VE node for tests: the stand-in, an SSH server in front of it, and the tools. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { type Clock, systemClock } from "../../src/async/clock.ts";
import type { Limits } from "../../src/config/config.ts";
import { createLogger } from "../../src/log.ts";
import { noAudit } from "../../src/mcp/audit.ts";
import { LongCalls } from "../../src/mcp/long_calls.ts";
import { JobsService } from "../../src/ssh/jobs/service.ts";
import { jobTools } from "../../src/ssh/jobs/tools.ts";
import { createCatalog } from "../../src/mcp/catalog.ts";
import { callTool, type ServerParts } from "../../src/mcp/server.ts";
import type { Progress } from "../../src/mcp/tool.ts";
import { ProxmoxService } from "../../src/proxmox/service.ts";
import { proxmoxTools } from "../../src/proxmox/tools.ts";
import type { SshPort, SshSettings } from "../../src/ssh/port.ts";
import { SshService } from "../../src/ssh/service.ts";
import type { TextPort } from "../../src/ssh/text/port.ts";
import { TextService } from "../../src/ssh/text/service.ts";
import { textTools } from "../../src/ssh/text/tools.ts";
import { RemoteHost } from "../../src/ssh/worker/remote_host.ts";
import { sshTools } from "../../src/ssh/tools.ts";
import type { ContainerOptions, VmOptions } from "../fakes/proxmox/install.ts";
import { type FakeProxmox, installProxmox, type Version } from "../fakes/proxmox/install.ts";
import { startSshHost } from "../fakes/ssh_host.ts";
import { assertSameFacts } from "../support/same_facts.ts";
import { CONTAINERS, peerTest, SSHD } from "../peers/require.ts";
import { type Sshd, startSshd } from "../peers/sshd.ts";

/** How the node is reached. */
export type Link = "embedded" | "openssh";

export interface NodeOptions {
  readonly link?: Link;
  readonly containers?: readonly ContainerOptions[];
  readonly vms?: readonly VmOptions[];
  /** Whose words the programs use; 9 by default. */
  readonly version?: Version;
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  /** Measures the time limits of the commands on the host, and the time between their reports of progress. */
  readonly commandClock?: Clock;
  /** When a running call answers and goes on as a job; never by default. */
  readonly answerWithinMs?: number;
  /** Root's shell and its start-up file; OpenSSH only. */
  readonly login?: LoginOptions;
  /** False removes the stand-in from the PATH of the host. */
  readonly hasPrograms?: boolean;
  /** Additional environment variables of the host; embedded host only. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A login shell, and what it reads when it starts. */
export interface LoginOptions {
  readonly shell: string;
  /** Below the home, for example `.bashrc`. */
  readonly startFile: string;
  readonly text: string;
}

/** The parts of a tool's answer. */
export interface Answer {
  readonly text: string;
  // deno-lint-ignore no-explicit-any -- its shape is what the tests check
  readonly data: any;
  readonly isError: boolean;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly progress?: (step: Progress) => void;
}

/** A running node; ends with its scope. */
export interface Node extends AsyncDisposable {
  readonly pve: FakeProxmox;
  readonly ssh: SshService;
  /** WORKING_DIRECTORY. */
  readonly dir: string;
  /** Calls a tool and checks its data against its output schema. */
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<Answer>;
  /** Returns the number of commands that the host has run; embedded host only. */
  commandCount(): number;
  /** Whether the end of a command can be confirmed: no guard runs on the embedded host. */
  readonly isGuarded: boolean;
  /** Returns the stand-in's calls since the previous call of this function. */
  newCalls(): Promise<string[]>;
}

/** Starts a node with its guests. */
export async function startNode(options: NodeOptions = {}): Promise<Node> {
  const pve = await installProxmox({ version: options.version ?? 9 });
  for (const container of options.containers ?? []) await pve.addContainer(container);
  for (const vm of options.vms ?? []) await pve.addVm(vm);
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "mre_proxmox_" }));
  const link = options.link === "openssh"
    ? await openssh(pve, options.login)
    : await embedded(options.hasPrograms === false ? undefined : pve, options.env ?? {});
  const limits = { characterLimit: 25_000, maxFileBytes: 10_485_760, timeoutMs: 30_000 };
  const settings: SshSettings = {
    ssh: link.ssh,
    limits: { ...limits, ...options.limits },
    files: { workingDirectory: dir, roots: [dir], aliases: [], own: [] },
    logLevel: "error",
    secrets: [],
  };
  const session = new RemoteHost(settings, createLogger("error"), options.commandClock);
  const port = sessionPort(session);
  const readingOn = { answerWithinMs: options.answerWithinMs ?? 0, keepsOutput: true };
  const ssh = new SshService(port, settings.limits, readingOn);
  const jobs = new JobsService(port, new LongCalls(readingOn.answerWithinMs));
  const parts = serverParts(
    { ssh, jobs, text: session.text, directories: port },
    settings,
    options.clock ?? systemClock,
  );
  let seen = 0;
  return {
    pve,
    ssh,
    dir,
    commandCount: link.commandCount,
    isGuarded: options.link === "openssh",
    call: (name, args = {}, { signal = new AbortController().signal, progress } = {}) =>
      call(parts, name, args, signal, progress),
    async newCalls() {
      const calls = await pve.calls();
      const fresh = calls.slice(seen);
      seen = calls.length;
      return fresh.map(({ program, args }) => [program, ...args].join(" "));
    },
    async [Symbol.asyncDispose]() {
      await port.close(2_000);
      await link.close();
      await pve.close();
      await Deno.remove(dir, { recursive: true });
    },
  };
}

/** Registers a test with a node. Only root can run it: containers are real and the SSH user is root. */
export function nodeTest(
  name: string,
  options: NodeOptions,
  work: (node: Node) => Promise<void>,
): void {
  peerTest({
    name,
    peer: options.link === "openssh" ? [SSHD, ...CONTAINERS] : CONTAINERS,
    async fn() {
      await using node = await startNode(options);
      await work(node);
    },
  });
}

/** Registers a test for the embedded host and for OpenSSH. */
export function bothTest(
  name: string,
  options: NodeOptions,
  work: (node: Node) => Promise<void>,
): void {
  for (const link of ["embedded", "openssh"] as const) {
    nodeTest(`${name} (${link})`, { ...options, link }, work);
  }
}

/**
 * Waits until the server knows that the commands have started that run on the host: it reports the starts in
 * order. A call that is cancelled before does not say whether it was stopped on the host.
 */
export async function untilStartsAreKnown({ ssh }: Node): Promise<void> {
  const { signal } = new AbortController();
  const request = { command: "true", timeoutMs: 30_000, characterLimit: 100 };
  await ssh.exec({ ...request, signal, progress: undefined });
}

/** Returns code and error of a failed call. */
export function failure({ data, isError }: Answer): [code: string, error: string] {
  assert.equal(isError, true, JSON.stringify(data));
  assert.notEqual(data.suggestion, "");
  return [data.code, data.error];
}

/** Returns matching command lines of all running processes, those in containers included. */
export function processesLike(pattern: RegExp): string[] {
  const pids = Array.from(Deno.readDirSync("/proc"), ({ name }) => name);
  return pids.filter((pid) => /^\d+$/.test(pid)).map((pid) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
    } catch {
      return ""; // ended meanwhile
    }
  }).filter((line) => pattern.test(line));
}

const DIRECTORY_LIMITS = { maxEntries: 1_000, maxBytes: 10_000_000 };

function serverParts(
  { ssh, jobs, text, directories }: {
    readonly ssh: SshService;
    readonly jobs: JobsService;
    readonly text: TextPort;
    readonly directories: SshDirectoriesPort;
  },
  { ssh: login, limits }: SshSettings,
  clock: Clock,
) {
  const host = { host: login.host, port: login.port, user: login.username };
  const service = new ProxmoxService(ssh, limits, { clock, jobs });
  const files = { files: true };
  const texts = new TextService(text, limits, service.textContainers, files);
  const tools = [
    ...sshTools(ssh, limits, host, { files: false, sudo: false }),
    ...textTools(texts, host),
    ...jobTools(jobs, limits, service.containerJob),
    ...directoryTools(
      new DirectoryService(directories, DIRECTORY_LIMITS, service.containerAccess),
    ),
    ...proxmoxTools(service, limits, host, files),
  ];
  return {
    version: "1",
    catalog: createCatalog(tools),
    instructions: "",
    audit: noAudit,
    logger: createLogger("error"),
  };
}

async function call(
  parts: ServerParts,
  name: string,
  args: Record<string, unknown>,
  signal: AbortSignal,
  progress: ((step: Progress) => void) | undefined,
): Promise<Answer> {
  const result = await callTool(parts, name, args, { signal, progress });
  const [block] = result.content;
  const text = block?.type === "text" ? block.text : "";
  const isError = result.isError === true;
  if (!isError) parts.catalog.find(name)?.output.parse(result.structuredContent);
  if (args.response_format === undefined) assertSameFacts(name, text, result.structuredContent);
  return { text, data: result.structuredContent, isError };
}

interface LinkTo {
  readonly ssh: SshSettings["ssh"];
  commandCount(): number;
  close(): Promise<void>;
}

async function embedded(
  pve: FakeProxmox | undefined,
  env: Readonly<Record<string, string>>,
): Promise<LinkTo> {
  const path = pve === undefined ? {} : { PATH: pve.binDirectory };
  const host = await startSshHost({ env: { ...env, ...path } });
  return {
    ssh: {
      host: host.hostname,
      port: host.port,
      username: host.username,
      login: { kind: "password", password: host.password },
      knownHostsPaths: [],
      strictHostKeyChecking: false,
    },
    commandCount: () => host.commandCount(),
    close: () => host.close(),
  };
}

async function openssh(pve: FakeProxmox, login: LoginOptions | undefined): Promise<LinkTo> {
  const sshd = await startSshdFor(pve, login?.shell);
  if (login !== undefined) {
    const file = `${sshd.home}/${login.startFile}`;
    await Deno.mkdir(dirname(file), { recursive: true });
    await Deno.writeTextFile(file, login.text);
  }
  return {
    ssh: {
      host: sshd.host,
      port: sshd.port,
      username: sshd.username,
      login: { kind: "key", path: sshd.keyPath, passphrase: undefined },
      knownHostsPaths: [sshd.knownHostsPath],
      strictHostKeyChecking: true,
    },
    commandCount: () => Number.NaN,
    close: () => sshd.close(),
  };
}

/** Starts an OpenSSH server whose root user has the node's programs on PATH. */
export async function startSshdFor(pve: FakeProxmox, shell = "/bin/sh"): Promise<Sshd> {
  const config = ["PermitUserEnvironment yes"];
  const sshd = await startSshd({ loginUser: "root", config, shell });
  await Deno.mkdir(`${sshd.home}/.ssh`, { recursive: true });
  const path = `${pve.binDirectory}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
  await Deno.writeTextFile(`${sshd.home}/.ssh/environment`, `PATH=${path}\n`);
  return sshd;
}

/** Returns the port that the worker implements, without a worker. */
function sessionPort(session: RemoteHost): SshPort {
  return {
    configure: () => Promise.resolve(),
    exec: (request, signal, progress) => session.exec(request, signal, progress),
    copy: (request, signal, progress) => session.copy(request, signal, progress),
    stat: (endpoint, signal) => session.stat(endpoint, signal),
    readKept: (read) => Promise.resolve(session.kept.read(read)),
    serveFiles: () => Promise.reject(new Error("not served here")),
    copyDirectory: (request, signal, progress) =>
      session.directories.copy(request, signal, progress),
    startJob: (request, signal) => session.jobs.start(request, signal),
    readJob: (read, signal) => session.jobs.read(read, signal),
    listJobs: (signal) => session.jobs.list(signal),
    stopJob: (id, signal) => session.jobs.stop(id, signal),
    diagnose: () => session.diagnose(),
    close: async (limitMs) => void await session.close(limitMs),
  };
}

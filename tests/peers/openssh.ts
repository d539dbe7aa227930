import assert from "node:assert/strict";
import type { Clock } from "../../src/async/clock.ts";
import type { SshConfig } from "../../src/config/config.ts";
import { RemoteExecError } from "../../src/errors.ts";
import { createLogger } from "../../src/log.ts";
import type {
  CopyOutcome,
  CopyRequest,
  ExecOutcome,
  ExecRequest,
  JobSettings,
  SshSettings,
} from "../../src/ssh/port.ts";
import { RemoteHost } from "../../src/ssh/worker/remote_host.ts";
import { type Connected, connectServer } from "../support/server.ts";
import { type Peer, peer } from "./require.ts";
import { runningTexts } from "./processes.ts";
import { aliveWithMarker, type Sshd, type SshdOptions } from "./sshd.ts";
import type { FakeClock } from "../support/fake_clock.ts";
import { until } from "../support/until.ts";

export { until };

/** Only root can make accounts, and so test other login shells and logins as root. */
export const isRoot = Deno.uid() === 0;

export const ZSH: Peer = peer("zsh", "/usr/bin/zsh");
export const FISH: Peer = peer("fish", "/usr/bin/fish");
export const TCSH: Peer = peer("tcsh", "/usr/bin/tcsh");

/** The options of a session. */
export interface SessionOptions {
  readonly ssh?: Partial<SshConfig>;
  /** The port of a proxy in front of the server. */
  readonly port?: number;
  readonly timeoutMs?: number;
  readonly characterLimit?: number;
  readonly jobs?: Partial<JobSettings>;
  /** Measures the time limits of commands. */
  readonly clock?: Clock;
  /** Names in the local directory that belong to the server. */
  readonly own?: readonly string[];
}

/** What a session needs to know about a server. */
export type SessionTarget = Pick<
  Sshd,
  "host" | "port" | "username" | "keyPath" | "knownHostsPath"
>;

/** Returns the settings of a session that logs in to `sshd` with its first key. */
export function settingsFor(
  sshd: SessionTarget,
  workingDirectory: string,
  { ssh, port = sshd.port, timeoutMs = 30_000, characterLimit = 25_000, jobs, own = [] }:
    SessionOptions = {},
): SshSettings {
  return {
    ssh: {
      host: sshd.host,
      port,
      username: sshd.username,
      login: { kind: "key", path: sshd.keyPath, passphrase: undefined },
      knownHostsPaths: [sshd.knownHostsPath],
      strictHostKeyChecking: port === sshd.port,
      ...ssh,
    },
    limits: { characterLimit, maxFileBytes: 100_000_000, timeoutMs },
    files: {
      ...{ workingDirectory, roots: [workingDirectory], aliases: [] },
      own: own.map((name) => `${workingDirectory}/${name}`),
    },
    jobs: { maxOutputBytes: 100_000_000, keepMs: 3_600_000, sweeps: true, ...jobs },
    logLevel: "error",
    secrets: [],
  };
}

/** A session of the real ssh slice, its local directory and shortcuts. Ends with its scope. */
export class TestSession implements AsyncDisposable {
  readonly host: RemoteHost;
  readonly dir: string;
  #closed = false;

  constructor(host: RemoteHost, dir: string) {
    this.host = host;
    this.dir = dir;
  }

  exec(
    command: string,
    request: Partial<ExecRequest> = {},
    signal: AbortSignal = new AbortController().signal,
  ): Promise<ExecOutcome> {
    return this.host.exec({ command, timeoutMs: 90_000, ...request }, signal, () => {});
  }

  /** Returns stdout of a command that must succeed. */
  async read(command: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.exec(command);
    assert.equal(exitCode, 0, stderr.text);
    return stdout.text;
  }

  upload(
    local: string,
    remote: string,
    request: Partial<CopyRequest> = {},
    signal: AbortSignal = new AbortController().signal,
  ): Promise<CopyOutcome> {
    const from = { kind: "local", path: local } as const;
    const to = { kind: "host", path: remote } as const;
    return this.#copy({ from, to, ...LIMITS, ...request }, signal);
  }

  download(
    remote: string,
    local: string,
    request: Partial<CopyRequest> = {},
    signal: AbortSignal = new AbortController().signal,
  ): Promise<CopyOutcome> {
    const from = { kind: "host", path: remote } as const;
    const to = { kind: "local", path: local } as const;
    return this.#copy({ from, to, ...LIMITS, ...request }, signal);
  }

  /** Writes a file in the local directory. */
  async file(name: string, content: Uint8Array | string): Promise<void> {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(`${this.dir}/${name}`, bytes);
  }

  async close(limitMs = 2_000): Promise<boolean> {
    if (this.#closed) return true;
    this.#closed = true;
    const done = await this.host.close(limitMs);
    await Deno.remove(this.dir, { recursive: true });
    return done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #copy(request: CopyRequest, signal: AbortSignal): Promise<CopyOutcome> {
    return this.host.copy(request, signal, undefined);
  }
}

const LIMITS = { maxBytes: 100_000_000, overwrite: true };

/** Opens a session to a test server. Connects at the first call. */
export async function openSession(
  sshd: SessionTarget,
  options?: SessionOptions,
): Promise<TestSession> {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "mre_session_" }));
  return new TestSession(
    new RemoteHost(settingsFor(sshd, dir, options), createLogger("error"), options?.clock),
    dir,
  );
}

/** Returns a text that marks all processes of one command; see {@linkcode tagged}. */
export const newTag = (): string => `tag${crypto.randomUUID().replaceAll("-", "")}`;

/** Returns a command whose processes all have the tag in their arguments or environment. */
export const tagged = (tag: string, script: string): string =>
  `exec env MRE_TAG=${tag} sh -c '${script.replaceAll("'", `'\\''`)}'`;

/** Returns the running processes with the tag. */
export const alive = (tag: string): number[] => aliveWithMarker(tag);

/** A limit that only a clock of the test reaches. */
const TIMEOUT_MS = 60_000;
/** Commands report progress this often. */
const PROGRESS_MS = 1_000;
/** Every look at all processes costs milliseconds of CPU time. */
const POLL_MS = 20;

/** Waits until a command's processes run. */
export const untilAlive = (tag: string, count = 1): Promise<void> =>
  untilAllAlive([{ tag, count }]);

/** Waits until the processes of several commands run. */
export const untilAllAlive = (
  commands: readonly { readonly tag: string; readonly count: number }[],
): Promise<void> =>
  until(
    `processes of ${commands.map(({ tag, count }) => `${count} x ${tag}`)}`,
    () => {
      const texts = runningTexts();
      return commands.every(({ tag, count }) =>
        texts.filter((text) => text.includes(tag)).length >= count
      );
    },
    undefined,
    POLL_MS,
  );

/** Waits until the host has confirmed the start of all commands: only then they report progress. */
export const untilStarted = (clock: FakeClock, count: number): Promise<void> =>
  until(
    `the start of ${count} commands`,
    () => clock.remainingMs.filter((ms) => ms <= PROGRESS_MS).length === count,
  );

/**
 * Runs a command, waits until `count` of its processes run, and lets its time limit expire. The session must use
 * the clock.
 */
export async function execTimedOut(
  session: TestSession,
  clock: FakeClock,
  { tag, line, count }: { readonly tag: string; readonly line: string; readonly count: number },
): Promise<ExecOutcome> {
  const running = session.exec(line, { timeoutMs: TIMEOUT_MS });
  running.catch(() => {}); // reported below
  await untilAlive(tag, count);
  await untilStarted(clock, 1);
  clock.advance(TIMEOUT_MS);
  return await running;
}

/** Returns the processes that guard the connections of a test server. */
export const guardsOf = (marker: string): number[] =>
  alive(marker).filter((pid) => GUARD.test(readProc(pid, "cmdline")));

/** Waits until the guard has noted the processes that it ends with the connection: then it waits for input. */
export const untilGuarded = (marker: string): Promise<void> =>
  until("a guard that waits", () => {
    const guards = guardsOf(marker);
    return guards.length > 0 && guards.every((pid) => /\) S /.test(readProc(pid, "stat")));
  });

const GUARD = /trap "" HUP INT TERM PIPE; P=/;

function readProc(pid: number, file: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${file}`);
  } catch {
    return ""; // it has ended
  }
}

/** Waits until no process of a command runs. */
export const untilGone = (tag: string, limitMs?: number): Promise<void> =>
  until(`the end of ${tag}`, () => alive(tag).length === 0, limitMs, POLL_MS);

/** Returns the error that a call is rejected with. */
export async function failureOf(call: Promise<unknown>): Promise<RemoteExecError> {
  const error = await call.then(() => undefined, (reason: unknown) => reason);
  assert.ok(error instanceof RemoteExecError, `no RemoteExecError but ${error}`);
  return error;
}

/** Accounts and login shells on which commands must behave the same, with the peers they need. */
export interface LoginKind {
  readonly name: string;
  readonly options: SshdOptions;
  readonly peers: readonly Peer[];
  /** Written to the login's home before the first command. */
  readonly startFile?: { readonly name: string; readonly text: string };
}

const noisyStart = {
  name: ".bashrc",
  text: "echo noise; echo more noise >&2\nsleep 0.4\nHISTFILE=/dev/null\n",
};

export const LOGIN_KINDS: readonly LoginKind[] = [
  { name: "user, sh", options: { loginUser: "user", shell: "/bin/sh" }, peers: [] },
  ...(isRoot
    ? [
      { name: "root, sh", options: { loginUser: "root", shell: "/bin/sh" }, peers: [] },
      { name: "user, bash", options: { loginUser: "user", shell: "/bin/bash" }, peers: [] },
      { name: "root, bash", options: { loginUser: "root", shell: "/bin/bash" }, peers: [] },
      {
        name: "root, bash with a noisy slow .bashrc",
        options: { loginUser: "root", shell: "/bin/bash" },
        peers: [],
        startFile: noisyStart,
      },
      { name: "root, zsh", options: { loginUser: "root", shell: "/usr/bin/zsh" }, peers: [ZSH] },
      { name: "root, fish", options: { loginUser: "root", shell: "/usr/bin/fish" }, peers: [FISH] },
      { name: "user, tcsh", options: { loginUser: "user", shell: "/usr/bin/tcsh" }, peers: [TCSH] },
    ] as const
    : []),
];

/** Writes the start file of a kind of login. */
export async function furnish(sshd: Sshd, { startFile }: LoginKind): Promise<void> {
  if (startFile === undefined) return;
  const path = `${sshd.home}/${startFile.name}`;
  await Deno.writeTextFile(path, startFile.text);
  await Deno.chown(path, sshd.uid, null);
}

/** Starts the real server for `sshd`, with its working directory at `dir`. */
export function connectTo(
  sshd: Sshd,
  dir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Connected> {
  return connectServer({
    cwd: dir,
    env: {
      I_ACCEPT_RISKS: "true",
      HOST: sshd.host,
      SSH_PORT: String(sshd.port),
      SSH_USERNAME: sshd.username,
      SSH_KEY: sshd.keyPath,
      SSH_KNOWN_HOSTS: sshd.knownHostsPath,
      WORKING_DIRECTORY: dir,
      ...env,
    },
  });
}

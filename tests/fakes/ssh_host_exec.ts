import { type ChildProcess, spawn, type SpawnOptionsWithoutStdio } from "node:child_process";
import type { Buffer } from "node:buffer";
import { existsSync } from "node:fs";
import process from "node:process";
import type { Readable, Writable } from "node:stream";
// @ts-types="@types/ssh2"
import type { ServerChannel } from "ssh2";
import { aliveWhere, aliveWithMarker, readStat } from "../peers/processes.ts";
import { until } from "../support/until.ts";

/** The parts of ssh2's channel that its types omit. */
interface ChannelInternals {
  readonly outgoing: { readonly id: number; readonly state: string };
  readonly _client: {
    readonly _protocol: {
      exitStatus(channel: number, status: number): void;
      exitSignal(channel: number, name: string, coreDumped: boolean, message: string): void;
    };
  };
}

// The class has these fields; the package's types omit them.
const internals = (channel: ServerChannel) => channel as unknown as ChannelInternals;

/** Signals with a name in RFC 4254, section 6.10. ssh2 throws for others, so they are not reported. */
const NAMED_SIGNALS = /^SIG(ABRT|ALRM|FPE|HUP|ILL|INT|KILL|PIPE|QUIT|SEGV|TERM|USR1|USR2)$/;

/**
 * Writes to stdout and stderr of a channel one after the other, each `write()` settling when the
 * client's window took all of it. This is the backpressure that blocks a flooding command.
 *
 * ssh2 1.17.0 keeps a half-sent chunk after it was sent and would send it again when the other
 * stream waits for the window (Channel.js `_write`, server.js CHANNEL_WINDOW_ADJUST), so the
 * two streams never wait at the same time and the leftovers are cleared.
 */
export class ChannelOutput {
  #last: Promise<void> = Promise.resolve();
  #isClosed = false;
  #release = () => {};
  readonly channel: ServerChannel;

  constructor(channel: ServerChannel) {
    this.channel = channel;
    channel.on("error", () => {});
  }

  write(target: Writable, data: Uint8Array): Promise<void> {
    this.#last = this.#last.then(() => this.#writeOne(target, data));
    return this.#last;
  }

  /** The channel is closed: pending writes settle. */
  close(): void {
    this.#isClosed = true;
    this.#release();
  }

  /** Reports how the command ended. OpenSSH does this at once, even before the rest of the output. */
  exit(status: number | null, signal: string | null): void {
    const { outgoing, _client } = internals(this.channel);
    if (this.#isClosed || (outgoing.state !== "open" && outgoing.state !== "eof")) return;
    // `channel.exit()` sends nothing after end-of-file; OpenSSH reports the status anyway.
    if (signal === null) _client._protocol.exitStatus(outgoing.id, status ?? 255);
    else if (NAMED_SIGNALS.test(signal)) {
      _client._protocol.exitSignal(outgoing.id, signal, false, "");
    }
  }

  async #writeOne(target: Writable, data: Uint8Array): Promise<void> {
    if (this.#isClosed) return;
    await new Promise<void>((resolve) => {
      this.#release = resolve;
      target.write(data, () => resolve());
    });
    const nothing = undefined;
    const leftovers = { _chunk: nothing, _chunkcb: nothing, _chunkErr: nothing };
    Object.assign(this.channel, leftovers, { _chunkcbErr: nothing });
  }
}

/** A running or finished command on the fake host. */
export interface RunningCommand {
  /** Also its process group and session. Undefined if it could not be started. */
  readonly pid: number | undefined;
  /** Settles when the shell has exited; its children may still run. */
  readonly exited: Promise<void>;
  hasExited(): boolean;
  /** Sends a signal (name without SIG) to the process group, as sshd 9.8 and later do. */
  signal(name: string): void;
  /** Called when the channel or connection is gone: the command lives on with its output closed. */
  channelClosed(): void;
}

/**
 * Starts `/bin/sh -c command` (a login shell without arguments when `command` is undefined)
 * for a channel, in a new session as sshd does, without a TTY.
 */
export function startCommand(
  channel: ServerChannel,
  command: string | undefined,
  directory: string,
  env: Readonly<Record<string, string>>,
): RunningCommand {
  const child = spawnShell(command, { cwd: directory, env, stdio: ["pipe", "pipe", "pipe"] });
  const output = new ChannelOutput(channel);
  let hasExited = false;
  const read = Promise.withResolvers<void>();
  const { promise: exited, resolve: onExited } = Promise.withResolvers<void>();
  const reported = reportExit(child, output, read.promise, () => {
    hasExited = true;
    closeInput(channel, child.stdin);
    onExited();
  });
  forwardInput(channel, child.stdin);
  void forwardOutput(channel, child, output, reported, read.resolve);
  return {
    pid: child.pid,
    exited,
    hasExited: () => hasExited,
    signal: (name) => hasExited || killGroup(child.pid, `SIG${name}`),
    channelClosed() {
      output.close();
      child.stdout.destroy();
      child.stderr.destroy();
    },
  };
}

const SETSID = "/usr/bin/setsid";

/**
 * Starts the shell in a session of its own. `detached` forks this process, and copying the page tables of a test takes
 * 10 ms of processor time; `setsid` takes 2.
 */
function spawnShell(command: string | undefined, options: SpawnOptionsWithoutStdio) {
  if (command !== undefined && existsSync(SETSID)) {
    return spawn(SETSID, ["/bin/sh", "-c", command, "sh"], options);
  }
  const [argv0, ...args] = command === undefined ? ["-sh"] : ["sh", "-c", command];
  return spawn("/bin/sh", args, { ...options, argv0, detached: true });
}

/** OpenSSH has read what a command printed before it reports the exit; a busy process like this one has not. */
const READ_MS = 50;

function reportExit(
  child: ChildProcess,
  output: ChannelOutput,
  allRead: Promise<void>,
  onExit: () => void,
): Promise<void> {
  return new Promise((resolve) => {
    const report = async (status: number | null, signal: string | null) => {
      onExit();
      // A process in the background may keep the output open.
      await readOrQuiet(allRead);
      output.exit(status, signal);
      resolve();
    };
    child.once("exit", report);
    child.once("error", () => child.pid === undefined && report(127, null));
  });
}

function readOrQuiet(allRead: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(async () => {
      for (let turn = 0; turn < 3; turn++) await new Promise((next) => setImmediate(next));
      resolve();
    }, READ_MS);
    allRead.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function forwardInput(channel: ServerChannel, stdin: Writable): void {
  stdin.on("error", () => closeInput(channel, stdin));
  channel.pipe(stdin);
}

/** OpenSSH keeps reading input that nobody wants, so that the client is not blocked. */
function closeInput(channel: ServerChannel, stdin: Writable): void {
  channel.unpipe(stdin);
  channel.resume();
  stdin.destroy();
}

async function forwardOutput(
  channel: ServerChannel,
  child: { readonly stdout: Readable; readonly stderr: Readable },
  output: ChannelOutput,
  reported: Promise<void>,
  onRead: () => void,
): Promise<void> {
  await Promise.allSettled([
    pump(child.stdout, channel, output),
    pump(child.stderr, channel.stderr, output),
  ]);
  onRead();
  channel.eof();
  await reported;
  channel.end();
}

async function pump(source: Readable, target: Writable, output: ChannelOutput): Promise<void> {
  for await (const chunk of source) await output.write(target, chunk as Buffer); // no encoding is set
}

function killGroup(pid: number | undefined, signal: string): void {
  if (pid === undefined) return;
  // In its first moment the process has no group yet.
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch {
      // It is already gone, or the name is unknown: sshd reports nothing either.
    }
  }
}

/** The sessions of a host's commands (Linux only, through /proc). */
export class CommandSessions {
  /** When the leader of each started: a later process may get its pid. */
  readonly #startedAt = new Map<number, string | undefined>();

  /** Adds the session of a command that has just started. */
  add(pid: number): void {
    this.#startedAt.set(pid, readStat(pid)?.startedAt);
  }

  /**
   * Kills all processes of the sessions, and those that left them but whose environment shows that they
   * were started through this server's `port`.
   */
  async kill(port: number): Promise<void> {
    await until("the end of the processes of a host", () => {
      const alive = this.#find(port);
      for (const pid of alive) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It ended between the check and the kill.
        }
      }
      return alive.length === 0;
    });
  }

  #find(port: number): number[] {
    const members = aliveWhere((pid) => pid !== process.pid && this.#has(readStat(pid)?.session));
    // The end of SSH_CONNECTION.
    return [...members, ...aliveWithMarker(` 127.0.0.1 ${port}\0`)];
  }

  /** The pid of a leader that has ended is not used again before its session is empty. */
  #has(session: number | undefined): boolean {
    if (session === undefined || !this.#startedAt.has(session)) return false;
    const leader = readStat(session);
    return leader === undefined || leader.startedAt === this.#startedAt.get(session);
  }
}

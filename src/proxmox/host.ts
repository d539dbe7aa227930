import { cancelled, RemoteExecError } from "../errors.ts";
import type { ToolContext } from "../mcp/tool.ts";
import { shellJoin } from "../shell/quote.ts";
import type { ExecOutcome } from "../ssh/port.ts";
import type { SshService } from "../ssh/service.ts";
import { unreadable } from "./errors.ts";
import { type HostAnswer, readHostProblem } from "./problem.ts";

/** More than any list of guests; an answer beyond it would be cut and could not be read. */
const ANSWER_CHARACTERS = 20_000_000;

const READ_MS = 60_000;

/**
 * What a task gets to tidy up when it is stopped, before the answer says that it may still run. It is not
 * killed then: that would break the output of its worker, which dies of it and leaves the guest locked.
 *
 * Source: pve-common f665029 src/PVE/RESTEnvironment.pm, `fork_worker` (a session of its own, SIGPIPE is
 * DEFAULT) and `$tee_worker` (passes TERM on and waits).
 */
const TASK_GRACE_MS = 30_000;

/** A program and its arguments. */
type Words = readonly [program: string, ...args: string[]];

/** How a command on the host is to be run. */
export interface HostCall extends ToolContext {
  /** A minute when left out: what only reads is done by then, on a busy node too. */
  readonly timeoutMs?: number;
  /** What it is for, as an error names it: "Starting container 101". */
  readonly action: string;
  /** For the program's stdin; without it stdin is at its end. */
  readonly stdin?: string;
}

/**
 * A command line for the host's login shell. Programs of Proxmox VE are in /usr/sbin, which is not on
 * everyone's PATH, and decode their arguments by the locale.
 *
 * Source: pve-common f665029 src/PVE/CLIHandler.pm; measured: with LC_ALL=C each byte beyond ASCII
 * becomes U+FFFD.
 */
export const hostLine = (words: readonly string[]): string =>
  `exec env "PATH=$PATH:/usr/sbin:/sbin" LC_ALL=C.UTF-8 ${shellJoin(words)}`;

/** Runs the programs of Proxmox VE on the SSH host. */
export class ProxmoxHost {
  readonly #ssh: SshService;

  constructor(ssh: SshService) {
    this.#ssh = ssh;
  }

  /**
   * Runs one program to its end. A non-zero exit code is an answer.
   *
   * @throws RemoteExecError when it did not come to its end, or when the host cannot do it at all (not
   *   root, no such program, no quorum)
   */
  async run(words: Words, call: HostCall): Promise<HostAnswer> {
    return await this.#run(words, call);
  }

  /** Runs a program that does its work in a task of Proxmox VE. @throws as {@linkcode run} */
  async task(words: Words, call: HostCall): Promise<HostAnswer> {
    return await this.#run(words, call, TASK_GRACE_MS);
  }

  /** Asks the API of Proxmox VE for what is at a path; the answer is JSON. @throws as {@linkcode run} */
  async get(path: string, options: readonly string[], call: HostCall): Promise<HostAnswer> {
    return await this.run(["pvesh", "get", path, ...options, "--output-format", "json"], call);
  }

  async #run(words: Words, call: HostCall, graceMs?: number): Promise<HostAnswer> {
    const { timeoutMs = READ_MS, signal, action, stdin } = call;
    const outcome = await this.#ssh.exec({
      command: hostLine(words),
      timeoutMs,
      ...(stdin === undefined ? {} : { stdin }),
      characterLimit: ANSWER_CHARACTERS,
      ...(graceMs === undefined ? {} : { graceMs }),
      signal,
      progress: ticking(call),
    });
    const answer = ended(outcome, action, timeoutMs, graceMs !== undefined);
    const problem = readHostProblem(words[0], answer);
    if (problem) throw problem;
    return answer;
  }
}

const WATCH_TASK =
  "Read the guest's task log in Proxmox VE, and leave the guest alone until it has ended";

/** @throws RemoteExecError when it was stopped or lost */
function ended(
  outcome: ExecOutcome,
  action: string,
  timeoutMs: number,
  isTask: boolean,
): HostAnswer {
  const mayBeWatched = isTask && !outcome.processEnded;
  const fate = outcome.processEnded ? "it was stopped on the host" : "it may still run on the host";
  switch (outcome.ending) {
    case "timeout":
      throw new RemoteExecError(
        "timeout",
        `${action} did not end within ${timeoutMs / 1000} seconds; ${fate}`,
        mayBeWatched ? WATCH_TASK : "Read the guest's status, then try again with a longer timeout",
      );
    case "cancelled":
      throw new RemoteExecError(
        "cancelled",
        `${action} was cancelled; ${fate}`,
        mayBeWatched ? WATCH_TASK : cancelled().suggestion,
      );
    case "connection_lost":
      throw new RemoteExecError(
        "connection_lost",
        `The SSH connection was lost: how far it came with "${action}" is not known`,
        "Read the guest's status before you try again",
      );
  }
  if (outcome.stdout.truncated) throw unreadable("the host", "it is too long");
  return {
    code: outcome.exitCode ?? 255,
    stdout: outcome.stdout.text,
    stderr: outcome.signal === null
      ? outcome.stderr.text
      : `${outcome.stderr.text}\nended by signal ${outcome.signal}`,
  };
}

/** Programs of Proxmox VE are silent while they work: the seconds are the progress. */
function ticking({ progress, action }: HostCall): ToolContext["progress"] {
  if (progress === undefined) return undefined;
  let ticks = 0;
  return (step) => {
    const line = step.message?.split("\n").slice(1).at(-1);
    progress({ progress: ++ticks, message: line === undefined ? action : `${action}: ${line}` });
  };
}

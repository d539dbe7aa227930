import { cancelled, RemoteExecError } from "../errors.ts";
import type { ToolContext } from "../mcp/tool.ts";
import { loginLine } from "../shell/login_line.ts";
import { PRINT_START_MARK } from "../shell/start_mark.ts";
import type { ExecOutcome, ExecRequest } from "../ssh/port.ts";
import type { SshService } from "../ssh/service.ts";
import { type Look, splitLook, withLook } from "./look.ts";
import {
  clusterDown,
  commandFailed,
  noQuorum,
  notRoot,
  programMissing,
  unreadable,
} from "./errors.ts";

/** More than the longest list of guests; output that is cut cannot be parsed. */
const OUTPUT_CHARACTERS = 20_000_000;

/** A command that only reads ends within a minute, also on a busy node. */
const READ_MS = 60_000;

/**
 * How long a task that is stopped may clean up. It is not killed before: its worker would lose its
 * output, die of that and leave the guest locked.
 *
 * Source: pve-common f665029 src/PVE/RESTEnvironment.pm, `fork_worker` (own session, SIGPIPE is
 * DEFAULT) and `$tee_worker` (forwards TERM and waits).
 */
const TASK_GRACE_MS = 30_000;

/** A program and its arguments. */
type Words = readonly [program: string, ...args: string[]];

/** How to run a command on the host. */
export interface HostCall extends ToolContext {
  /** One minute by default. */
  readonly timeoutMs?: number;
  /** What the command does, as errors name it: "Starting container 101". */
  readonly action: string;
  /** Input of the program; empty by default. */
  readonly stdin?: string;
  /** The program of Proxmox VE that a shell runs, started with `env`; by default the first word. */
  readonly program?: string;
  /** The command as the list of jobs shows it; by default its words. */
  readonly shown?: string;
}

/** The result of a program that ran to its end. */
export interface HostAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What was read back after a task with a {@linkcode Look}; undefined if nothing was. */
  readonly look?: string;
}

/**
 * Returns a command line for the host's login shell. It extends PATH, which lacks /usr/sbin for many
 * logins, and sets the locale by which the programs decode their arguments.
 *
 * Source: pve-common f665029 src/PVE/CLIHandler.pm; measured: with LC_ALL=C each non-ASCII byte
 * becomes U+FFFD.
 */
export const hostLine = (words: readonly string[]): string => loginLine(RUN, ...words);

/** Like {@linkcode hostLine}, for calls with `hasStartMark`. */
export const markedHostLine = (words: readonly string[]): string =>
  loginLine(`${PRINT_START_MARK}; ${RUN}`, ...words);

const RUN = `exec env "PATH=$PATH:/usr/sbin:/sbin" LC_ALL=C.UTF-8 "$@"`;

/** How to run a task that may go on as a job. */
export interface TaskCall extends HostCall {
  /** What the job reads back at its end. A task that cannot become a job reads nothing back. */
  readonly look?: Look;
  /** Less than ANSWER_WITHIN if the call has already spent some of it. */
  readonly answerWithinMs?: number;
}

/** A task that goes on as a job of the host. */
export interface RunningTask {
  readonly jobId: string;
  /** True if the output of the job ends with the result. */
  readonly readsBack: boolean;
}

export const isRunning = <Result>(task: Result | RunningTask): task is RunningTask =>
  typeof task === "object" && task !== null && "jobId" in task;

/** Runs the programs of Proxmox VE on the SSH host. */
export class ProxmoxHost {
  readonly #ssh: SshService;

  constructor(ssh: SshService) {
    this.#ssh = ssh;
  }

  /** After this long a running task goes on as a job; 0: never. */
  get answerWithinMs(): number {
    return this.#ssh.answerWithinMs;
  }

  /**
   * Runs one program. A non-zero exit code is a result, not an error.
   *
   * @throws RemoteExecError if the program was stopped or lost, or if the host cannot run it at all:
   *   `not_permitted` without root, `unsupported` without the program, `invalid_state` without quorum
   */
  async run(words: Words, call: HostCall): Promise<HostAnswer> {
    const { outcome, timeoutMs } = await this.#exec(words, call);
    return checked(call.program ?? words[0], answerOf(outcome, call.action, timeoutMs, false));
  }

  /**
   * Runs a program that works in a task of Proxmox VE and needs time to clean up when it is stopped.
   *
   * @throws RemoteExecError as {@linkcode run}
   */
  async task(words: Words, call: HostCall): Promise<HostAnswer> {
    const { outcome, timeoutMs } = await this.#exec(words, call, { graceMs: TASK_GRACE_MS });
    return checked(call.program ?? words[0], answerOf(outcome, call.action, timeoutMs, true));
  }

  /** Like {@linkcode task}, for work that may take hours: it goes on as a job when it takes long. */
  async longTask(words: Words, call: TaskCall): Promise<HostAnswer | RunningTask> {
    const { look, program = words[0], shown = words.join(" ") } = call;
    const limitMs = this.answerWithinMs;
    const answerWithinMs = Math.min(limitMs, call.answerWithinMs ?? limitMs);
    const isLong = limitMs > 0 && (call.timeoutMs ?? READ_MS) > answerWithinMs;
    if (!isLong) return await this.task(words, call);
    const { outcome, timeoutMs } = await this.#exec(
      look === undefined ? words : withLook(words, look),
      call,
      { graceMs: TASK_GRACE_MS, answerWithinMs, shown },
    );
    const { ending, jobId } = outcome;
    if (ending === "running" && jobId !== undefined) {
      return { jobId, readsBack: look !== undefined };
    }
    const answer = answerOf(outcome, call.action, timeoutMs, true);
    const parts = look === undefined ? undefined : splitLook(answer.stdout);
    // The exit code is that of the look, which runs only after the command has succeeded.
    return checked(program, parts === undefined ? answer : { ...answer, code: 0, ...parts });
  }

  /** Reads a path of the Proxmox VE API as JSON. @throws RemoteExecError as {@linkcode run} */
  async get(path: string, options: readonly string[], call: HostCall): Promise<HostAnswer> {
    return await this.run(["pvesh", "get", path, ...options, "--output-format", "json"], call);
  }

  async #exec(
    words: Words,
    call: HostCall,
    more: Partial<ExecRequest> = {},
  ): Promise<{ readonly outcome: ExecOutcome; readonly timeoutMs: number }> {
    const { timeoutMs = READ_MS, signal, stdin } = call;
    const outcome = await this.#ssh.exec({
      command: markedHostLine(words),
      hasStartMark: true,
      ...this.#ssh.rootOnly,
      timeoutMs,
      ...(stdin === undefined ? {} : { stdin }),
      characterLimit: OUTPUT_CHARACTERS,
      ...more,
      signal,
      progress: countedProgress(call),
    });
    return { outcome, timeoutMs };
  }
}

/** @throws RemoteExecError for a failure that concerns the host and not one guest */
function checked(program: string, answer: HostAnswer): HostAnswer {
  const problem = readHostProblem(program, answer);
  if (problem) throw problem;
  return answer;
}

/** Returns the error of a failure that concerns the host and not one guest, or undefined. */
export function readHostProblem(
  program: string,
  { code, stderr }: HostAnswer,
): RemoteExecError | undefined {
  if (code === 0) return undefined;
  if (/^Unable to load access control list: Connection refused/m.test(stderr)) return clusterDown();
  if (/^Unable to load access control list: |^please run as root/m.test(stderr)) return notRoot();
  if (NO_QUORUM.test(stderr)) return noQuorum();
  // `env` names the missing program. Its text for the reason depends on the locale; busybox's does not.
  if (code === 127 && new RegExp(`^env: (can't execute )?\\W?${program}\\W?: `, "m").test(stderr)) {
    return programMissing(program);
  }
  return undefined;
}

/** Without quorum /etc/pve is read-only, also for root: commands that do not ask first fail when they write. */
const NO_QUORUM =
  /^cluster not ready - no quorum\?|^unable to open file '\/etc\/pve\/.*' - Permission denied/m;

/** For what is no task and so has no log. */
export const CHECK_NODE = "Try again; if it fails again, check the node in Proxmox VE";

/** Returns stdout. @throws RemoteExecError `io_error` if the program failed */
export function outputOf({ code, stdout, stderr }: HostAnswer, action: string): string {
  if (code !== 0) throw commandFailed(action, withoutNoise(stderr), CHECK_NODE);
  return stdout;
}

/** Removes the lines of stderr that say nothing about the result. */
export function withoutNoise(stderr: string): string {
  return stderr.split("\n")
    .filter((line) => line.trim() !== "" && !NOISE.test(line))
    .join("\n").trim();
}

/** Source: PVE::Tools::lock_file reports its waiting on stderr; perl warns of unknown locales. */
const NOISE =
  /^(trying to acquire lock\.\.\.| OK|perl: warning: .*|\tL(C_|ANG).*|\s*are supported and installed .*)$/;

const WATCH_TASK =
  "Leave the guest alone until its task has ended: proxmox_list_tasks shows it, proxmox_task_log its log";

/** @throws RemoteExecError if the command was stopped or lost */
function answerOf(
  outcome: ExecOutcome,
  action: string,
  timeoutMs: number,
  isTask: boolean,
): HostAnswer {
  const mayStillRun = isTask && !outcome.processEnded;
  const fate = outcome.processEnded ? "it was stopped on the host" : "it may still run on the host";
  switch (outcome.ending) {
    case "timeout":
      throw new RemoteExecError(
        "timeout",
        `${action} did not end within ${timeoutMs / 1000} seconds; ${fate}`,
        mayStillRun ? WATCH_TASK : "Read the guest's status, then try again with a longer timeout",
      );
    case "cancelled":
      throw new RemoteExecError(
        "cancelled",
        `${action} was cancelled; ${fate}`,
        mayStillRun ? WATCH_TASK : cancelled().suggestion,
      );
    case "connection_lost":
      throw new RemoteExecError(
        "connection_lost",
        `${action} has an unknown result: the SSH connection was lost`,
        isTask
          ? "Read the guest's configuration and proxmox_list_tasks before you try again: a lock means that the task runs or was cut off"
          : "Read the guest's status before you try again",
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

/** Programs of Proxmox VE print nothing while they work, so the number of steps is the progress. */
function countedProgress({ progress, action }: HostCall): ToolContext["progress"] {
  if (progress === undefined) return undefined;
  let steps = 0;
  return (step) => {
    const line = step.message?.split("\n").slice(1).at(-1);
    progress({ progress: ++steps, message: line === undefined ? action : `${action}: ${line}` });
  };
}

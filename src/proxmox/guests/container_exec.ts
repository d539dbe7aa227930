import { FOREIGN_PATH } from "../../shell/search_path.ts";
import { without } from "../../ssh/outcome.ts";
import type { JobRequest } from "../../ssh/jobs/port.ts";
import type { ExecOutcome, ExecRequest } from "../../ssh/port.ts";
import type { ExecCall, SshService } from "../../ssh/service.ts";
import { type HostAnswer, markedHostLine, type ProxmoxHost, readHostProblem } from "../host.ts";
import { explain } from "../problem.ts";
import { container, type GuestExec, runInShell } from "./guest.ts";

/**
 * What a root login in the container would find. Source: Debian's login.defs, ENV_SUPATH; the further
 * directories exist on other systems only.
 */
const GUEST_ENVIRONMENT = [
  "HOME=/root",
  "USER=root",
  "LOGNAME=root",
  `PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${FOREIGN_PATH}`,
  "container=lxc",
];

/**
 * The container's shell writes this to stderr before it starts the command. After it, the exit code is
 * the command's own; without it, the container was not entered.
 */
const ENTERED = "\x1eentered\n";

const SCRIPT = [
  `printf '\\036entered\\n' >&2`,
  `cd 2>/dev/null || cd /; unset OLDPWD`,
  runInShell("$1"),
].join("; ");

/**
 * Returns the command line that runs a command in a container. The environment is a new one: `pct exec`
 * passes the host's environment on, and only newer versions have an option against it.
 *
 * Source: pve-container 94f5585 src/PVE/CLI/pct.pm:214-255 (`--keep-env` since 2024-02).
 */
export const containerLine = (ctid: number, command: string): string =>
  markedHostLine([
    ...["pct", "exec", String(ctid), "--"],
    ...["env", "-i", ...GUEST_ENVIRONMENT],
    ...["sh", "-c", SCRIPT, "sh", command],
  ]);

/** Returns the part of a job's request that runs a command in a container. */
export const containerJob = (
  ctid: number,
  command: string,
): Pick<JobRequest, "command" | "hasStartMark" | "stderrMark" | "sudo"> => ({
  command: containerLine(ctid, command),
  hasStartMark: true,
  stderrMark: ENTERED,
});

/** Runs commands in containers. */
export class ContainerExec implements GuestExec {
  readonly #ssh: SshService;
  readonly #host: ProxmoxHost;
  readonly #characterLimit: number;

  constructor(ssh: SshService, host: ProxmoxHost, characterLimit: number) {
    this.#ssh = ssh;
    this.#host = host;
    this.#characterLimit = characterLimit;
  }

  /**
   * Runs one command with a single request to the host. Every ending is an outcome, as on the host.
   * Stopping the session on the host also stops the processes in the container: without a TTY
   * `lxc-attach` does not give them a session of their own.
   *
   * Source: lxc src/lxc/attach.c, `setsid` only for LXC_ATTACH_TERMINAL.
   *
   * @throws RemoteExecError if the command was not started
   */
  async run(
    ctid: number,
    { command, timeoutMs, signal, progress }: ExecCall,
  ): Promise<ExecOutcome> {
    const outcome = await this.#ssh.exec({
      ...this.request(ctid, command, timeoutMs),
      ...this.#ssh.readOn(timeoutMs, { shown: command, ctid }),
      signal,
      progress: progress && ((step) => progress(withoutMark(step))),
    });
    const { stderr } = outcome;
    // A long stderr may have lost the mark when it was cut; a failure to enter prints little.
    const hasEntered = stderr.text.includes(ENTERED) || stderr.truncated;
    if (!hasEntered && outcome.ending === "exit") {
      throw await this.#problem(ctid, outcome, signal);
    }
    return withoutStart(outcome);
  }

  /** Returns the request that runs a command in a container; {@linkcode withoutStart} cleans its outcome. */
  request(ctid: number, command: string, timeoutMs: number): ExecRequest {
    return {
      ...containerJob(ctid, command),
      ...this.#ssh.rootOnly,
      timeoutMs,
      characterLimit: this.#characterLimit + ENTERED.length,
    };
  }

  async #problem(ctid: number, outcome: ExecOutcome, signal: AbortSignal): Promise<Error> {
    const answer: HostAnswer = {
      code: outcome.exitCode ?? 255,
      stdout: outcome.stdout.text,
      stderr: outcome.stderr.text,
    };
    const action = `Running a command in container ${ctid}`;
    return readHostProblem("pct", answer) ??
      await explain(this.#host, container(ctid), action, answer, { signal });
  }
}

/** Removes what was written before the command began. */
export function withoutStart(outcome: ExecOutcome): ExecOutcome {
  const { stderr } = outcome;
  // Before the mark are warnings of the login's start-up files and of pct itself.
  const [before = "", ...rest] = stderr.text.split(ENTERED);
  return { ...outcome, stderr: rest.length === 0 ? stderr : without(before + ENTERED, stderr) };
}

const withoutMark = <Step extends { readonly message?: string }>(step: Step): Step =>
  step.message === undefined
    ? step
    : { ...step, message: step.message.replace(ENTERED, "").replace(ENTERED.trim(), "") };

import { without } from "../ssh/outcome.ts";
import type { ExecOutcome } from "../ssh/port.ts";
import type { ExecCall, SshService } from "../ssh/service.ts";
import { container } from "./guest.ts";
import { hostLine, type ProxmoxHost } from "./host.ts";
import { explain } from "./locate.ts";
import { type HostAnswer, readHostProblem } from "./problem.ts";

/** What a login of root in the container would find. Source: Debian's login.defs, ENV_SUPATH. */
const GUEST_ENVIRONMENT = [
  "HOME=/root",
  "USER=root",
  "LOGNAME=root",
  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  "container=lxc",
];

/**
 * Written to stderr by the container's shell before the command starts: from then on an exit code is
 * the command's own. Without it the container was not entered, whatever the exit code.
 */
const ENTERED = "\x1eentered\n";

const SCRIPT = [
  `printf '\\036entered\\n' >&2`,
  `cd 2>/dev/null || cd /; unset OLDPWD`,
  // `--` ends the shell's own options: a command may begin with a dash.
  `if command -v bash >/dev/null 2>&1; then exec bash -c -- "$1"; fi`,
  `exec sh -c -- "$1"`,
].join("; ");

/**
 * The command line that runs a command in a container, with bash where there is one. The environment
 * is a fresh one, since `pct exec` hands on the host's and only newer versions can be told not to.
 *
 * Source: pve-container 94f5585 src/PVE/CLI/pct.pm:214-255 (`--keep-env` since 2024-02).
 */
export const containerLine = (ctid: number, command: string): string =>
  hostLine([
    ...["pct", "exec", String(ctid), "--"],
    ...["env", "-i", ...GUEST_ENVIRONMENT],
    ...["sh", "-c", SCRIPT, "sh", command],
  ]);

/** Runs commands in containers. */
export class ContainerExec {
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
   * Ending the session on the host ends the processes in the container as well: without a terminal
   * lxc-attach makes no session of its own for them.
   *
   * Source: lxc src/lxc/attach.c, `setsid` only for LXC_ATTACH_TERMINAL.
   *
   * @throws RemoteExecError when the command was not started
   */
  async run(
    ctid: number,
    { command, timeoutMs, signal, progress }: ExecCall,
  ): Promise<ExecOutcome> {
    const outcome = await this.#ssh.exec({
      command: containerLine(ctid, command),
      timeoutMs,
      characterLimit: this.#characterLimit + ENTERED.length,
      signal,
      progress: progress && ((step) => progress(withoutMark(step))),
    });
    const { stderr } = outcome;
    // Of a cut stderr the mark may be missing; what could not start says little.
    const entered = stderr.text.includes(ENTERED) || stderr.truncated;
    if (!entered && outcome.ending === "exit") {
      throw await this.#problem(ctid, outcome, signal);
    }
    return { ...outcome, stderr: without(ENTERED, stderr) };
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

const withoutMark = <Step extends { readonly message?: string }>(step: Step): Step =>
  step.message === undefined
    ? step
    : { ...step, message: step.message.replace(ENTERED, "").replace(ENTERED.trim(), "") };

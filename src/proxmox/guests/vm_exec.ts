import { cancelling } from "../../async/cancelling.ts";
import type { Clock } from "../../async/clock.ts";
import { deadlineSignal } from "../../async/deadline.ts";
import { delay } from "../../async/delay.ts";
import { cancelled, type ErrorCode, RemoteExecError } from "../../errors.ts";
import { asciiText } from "../../shell/quote.ts";
import { EXTEND_PATH } from "../../shell/search_path.ts";
import { cutTexts } from "../../ssh/outcome.ts";
import type { ExecOutcome } from "../../ssh/port.ts";
import type { ExecCall } from "../../ssh/service.ts";
import type { JobRequest, StartedJob } from "../../ssh/jobs/port.ts";
import { resultUnknown, unreadable } from "../errors.ts";
import type { HostCall, ProxmoxHost } from "../host.ts";
import { type AgentAnswer, parseAgentAnswer } from "../parsers/qm.ts";
import { explain } from "../problem.ts";
import { type GuestExec, runInShell, vm } from "./guest.ts";
import { type WatchedCommand, watchJob } from "./vm_watch.ts";

/** The limit of one call of `qm`; the command in the VM may run longer. */
const CALL_MS = 60_000;
const MAX_POLL_MS = 2_000;
/** The limit for stopping a command in the VM and reading its output. */
const STOP_MS = 10_000;
/** Failures of `qm` after which the command may be running in the VM. */
const UNCERTAIN: readonly ErrorCode[] = ["cancelled", "connection_lost", "internal", "timeout"];

/** Marks a command's processes in the VM: the agent itself cannot stop anything. */
const MARK = "MCP_REMOTE_EXEC_CALL";

/**
 * Reads the command from stdin, in ASCII. As an argument it could be too long, and `qm` would cut off
 * the end of a non-ASCII argument: it counts characters but writes bytes.
 *
 * Source: qemu-server e6352be src/PVE/QMPClient.pm and src/PVE/QemuServer/Agent.pm (`input-data`).
 */
const SCRIPT = [
  EXTEND_PATH,
  `c=$(cat) || exit 127; c=$(printf "%bx" "$c"); c=\${c%x}; exec </dev/null`,
  runInShell("$c"),
].join("; ");

/** Stops the processes with the mark: TERM, then KILL after a second. Prints how many remain. */
const STOP_SCRIPT = [
  EXTEND_PATH,
  // Without grep nothing would be found, which must not count as nothing left.
  `command -v grep >/dev/null 2>&1 || exit 127`,
  `look() { P=; for f in $(grep -l "$1" /proc/[0-9]*/environ 2>/dev/null); do f=\${f#/proc/}; P="$P \${f%/*}"; done; }`,
  `look "$1"; [ -z "$P" ] || kill -s TERM $P 2>/dev/null; i=0`,
  `while look "$1"; [ -n "$P" ] && [ $i -lt 20 ]; do i=$((i+1))`,
  `[ $i -lt 10 ] || kill -s KILL $P 2>/dev/null; sleep 0.1 2>/dev/null || sleep 1; done`,
  `set -- $P; echo $#`,
].join("; ");

/** The answer for a command whose state cannot be read. */
const UNKNOWN: AgentAnswer = {
  exited: false,
  exitCode: null,
  signal: null,
  stdout: "",
  stderr: "",
  truncated: { stdout: false, stderr: false },
};

interface Poll {
  readonly vmid: number;
  readonly pid: number;
  readonly signal: AbortSignal;
  readonly progress: ExecCall["progress"];
}

/** Lets a command go on as a job of the host that follows it. */
export interface VmJobs {
  readonly answerWithinMs: number;
  start(request: JobRequest, signal: AbortSignal): Promise<StartedJob>;
}

/** Runs commands in virtual machines through the QEMU guest agent. */
export class VmExec implements GuestExec {
  readonly #host: ProxmoxHost;
  readonly #clock: Clock;
  readonly #characterLimit: number;
  readonly #jobs: VmJobs | undefined;

  /** @param jobs undefined: no command goes on as a job */
  constructor(host: ProxmoxHost, clock: Clock, characterLimit: number, jobs?: VmJobs) {
    this.#host = host;
    this.#clock = clock;
    this.#characterLimit = characterLimit;
    this.#jobs = jobs;
  }

  /**
   * Runs one command and polls until it has ended. The agent returns output only then, so on a timeout
   * the command is stopped first. A long command goes on as a job.
   *
   * @throws RemoteExecError if the command was not started
   */
  async run(
    vmid: number,
    { command, timeoutMs, signal, progress }: ExecCall,
  ): Promise<ExecOutcome> {
    const startedAt = this.#clock.elapsed();
    const mark = `${MARK}=${crypto.randomUUID()}`;
    using limit = deadlineSignal(timeoutMs, { clock: this.#clock, late: cancelled });
    let pid: number | undefined;
    try {
      pid = await this.#start(vmid, mark, command, Math.min(timeoutMs, CALL_MS), signal);
      const limited = AbortSignal.any([limit.signal, cancelling(signal)]);
      const poll = { vmid, pid, signal: limited, progress };
      const early = await this.#untilExited(poll, this.#answerAt(startedAt, timeoutMs));
      if (early !== undefined) return this.#outcome("exit", early, startedAt);
      const maxRuntimeMs = Math.max(1_000, startedAt + timeoutMs - this.#clock.elapsed());
      const jobId = await this.#goOn({ vmid, pid, mark, shown: command, maxRuntimeMs }, limited);
      if (jobId !== undefined) {
        const outcome = this.#outcome("running", UNKNOWN, startedAt);
        return { ...outcome, jobId, maxRuntimeMs: timeoutMs };
      }
      const answer = await this.#untilExited(poll, Infinity) ?? UNKNOWN;
      return this.#outcome("exit", answer, startedAt);
    } catch (error) {
      // `qm` was stopped or lost, but the command may have reached the VM.
      if (!(error instanceof RemoteExecError)) throw error;
      if (!UNCERTAIN.includes(error.code) && pid === undefined) throw error;
      const stopped = await this.#stop(vmid, mark, pid);
      // A timeout of one `qm` call is the command's timeout only if the command's limit is the shorter one.
      const isOver = limit.signal.aborted || (error.code === "timeout" && timeoutMs <= CALL_MS);
      // If nothing was started and the VM cannot be asked, the error itself says why.
      if (!(isOver || signal.aborted) || (pid === undefined && stopped === undefined)) {
        throw pid === undefined ? error : resultUnknown(vmid, stopped?.exited ?? false, error);
      }
      return this.#outcome(signal.aborted ? "cancelled" : "timeout", stopped ?? UNKNOWN, startedAt);
    }
  }

  async #start(
    vmid: number,
    mark: string,
    command: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<number> {
    const words = ["exec", String(vmid), "--synchronous", "0", "--pass-stdin", "1", "--"];
    const stdin = asciiText(command);
    const { pid } = await this.#qm(vmid, [...words, "env", mark, "/bin/sh", "-c", SCRIPT], {
      timeoutMs,
      signal,
      stdin,
    });
    if (pid === undefined) throw unreadable("qm guest exec", "it has no pid");
    return pid;
  }

  #answerAt(startedAt: number, timeoutMs: number): number {
    const answerWithinMs = this.#jobs?.answerWithinMs ?? 0;
    return answerWithinMs > 0 && timeoutMs > answerWithinMs ? startedAt + answerWithinMs : Infinity;
  }

  /** Starts the job that follows the command; undefined if the host cannot, which ends nothing. */
  async #goOn(command: WatchedCommand, signal: AbortSignal): Promise<string | undefined> {
    try {
      const started = await this.#jobs?.start(watchJob(command, STOP_SCRIPT), signal);
      return started?.facts.id;
    } catch (error) {
      if (signal.aborted) throw error;
      return undefined;
    }
  }

  /** Polls until the command has ended; undefined if that is not before `answerAt`. */
  async #untilExited(
    { vmid, pid, signal, progress }: Poll,
    answerAt: number,
  ): Promise<AgentAnswer | undefined> {
    for (let polls = 0;; polls++) {
      const answer = await this.#status(vmid, pid, signal);
      if (answer.exited) return answer;
      const leftMs = answerAt - this.#clock.elapsed();
      if (leftMs <= 0) return undefined;
      progress?.({ progress: polls + 1, message: `Running in VM ${vmid}` });
      const pollMs = Math.min(100 * 2 ** polls, MAX_POLL_MS, leftMs);
      await delay(pollMs, { clock: this.#clock, signal });
    }
  }

  /**
   * Stops the processes with the mark. It has a signal of its own, because it also runs after a
   * cancellation.
   *
   * @returns the command's state, `exited` if no process remains; undefined if the VM cannot be asked
   */
  async #stop(
    vmid: number,
    mark: string,
    pid: number | undefined,
  ): Promise<AgentAnswer | undefined> {
    using limit = deadlineSignal(STOP_MS, { clock: this.#clock, late: cancelled });
    try {
      const words = ["exec", String(vmid), "--timeout", "20", "--", "/bin/sh", "-c", STOP_SCRIPT];
      const { signal } = limit;
      const { stdout } = await this.#qm(vmid, [...words, "sh", mark], {
        timeoutMs: STOP_MS,
        signal,
      });
      const isGone = Number.parseInt(stdout, 10) === 0;
      if (pid === undefined) return { ...UNKNOWN, exited: isGone };
      const answer = await this.#status(vmid, pid, signal);
      return { ...answer, exited: answer.exited && isGone };
    } catch {
      return undefined;
    }
  }

  #status(vmid: number, pid: number, signal: AbortSignal): Promise<AgentAnswer> {
    const words = ["exec-status", String(vmid), String(pid)];
    return this.#qm(vmid, words, { timeoutMs: CALL_MS, signal });
  }

  async #qm(
    vmid: number,
    words: readonly string[],
    call: Pick<HostCall, "timeoutMs" | "signal" | "stdin">,
  ): Promise<AgentAnswer> {
    const action = `Running a command in VM ${vmid}`;
    const run: HostCall = { ...call, progress: undefined, action };
    const answer = await this.#host.run(["qm", "guest", ...words], run);
    if (answer.code === 0) return parseAgentAnswer(answer.stdout);
    throw await explain(this.#host, vm(vmid), action, answer, call);
  }

  #outcome(
    ending: "exit" | "timeout" | "cancelled" | "running",
    answer: AgentAnswer,
    startedAt: number,
  ): ExecOutcome {
    const [stdout, stderr] = cutTexts(answer.stdout, answer.stderr, this.#characterLimit);
    const ended = ending === "exit";
    return {
      ending: ended && answer.signal !== null ? "signal" : ending,
      exitCode: ended ? answer.exitCode : null,
      signal: ended ? answer.signal : null,
      stdout: { ...stdout, truncated: stdout.truncated || answer.truncated.stdout },
      stderr: { ...stderr, truncated: stderr.truncated || answer.truncated.stderr },
      durationMs: Math.round(this.#clock.elapsed() - startedAt),
      processEnded: answer.exited,
    };
  }
}

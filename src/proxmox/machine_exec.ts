import { cancelling } from "../async/cancelling.ts";
import type { Clock } from "../async/clock.ts";
import { deadlineSignal } from "../async/deadline.ts";
import { delay } from "../async/delay.ts";
import { cancelled, type ErrorCode, RemoteExecError } from "../errors.ts";
import { cutTexts } from "../ssh/outcome.ts";
import type { ExecOutcome } from "../ssh/port.ts";
import type { ExecCall } from "../ssh/service.ts";
import { unreadable } from "./errors.ts";
import { machine } from "./guest.ts";
import type { HostCall, ProxmoxHost } from "./host.ts";
import { explain } from "./locate.ts";
import { type AgentAnswer, parseAgentAnswer } from "./qm.ts";
import { asciiText } from "../shell/quote.ts";

/** One call of `qm`, whatever the command in the VM does meanwhile. */
const CALL_MS = 60_000;
const LONGEST_POLL_MS = 2_000;
/** To end a command in the VM and to read what it had written. */
const END_MS = 10_000;
/** Failures of `qm` that tell nothing of what the VM does. */
const UNTOLD: readonly ErrorCode[] = ["cancelled", "connection_lost", "internal", "timeout"];

/** Marks a command's processes in the VM: the agent itself offers no way to end anything. */
const MARK = "MCP_REMOTE_EXEC_CALL";

/**
 * Takes the command from stdin, in ASCII: what `qm` is given as arguments it counts as characters and writes
 * as bytes, so that a wider one never reaches the agent to its end. It could be too long for one, too.
 *
 * Source: qemu-server e6352be src/PVE/QMPClient.pm and src/PVE/QemuServer/Agent.pm (`input-data`).
 */
const SCRIPT = [
  `c=$(cat); c=$(printf "%bx" "$c"); c=\${c%x}; exec </dev/null`,
  `if command -v bash >/dev/null 2>&1; then exec bash -c -- "$c"; fi; exec sh -c -- "$c"`,
].join("; ");

/** Ends what has the mark: TERM, after a second KILL. Prints how many are left. */
const END_SCRIPT = [
  `look() { P=; for f in $(grep -l "$1" /proc/[0-9]*/environ 2>/dev/null); do f=\${f#/proc/}; P="$P \${f%/*}"; done; }`,
  `look "$1"; [ -z "$P" ] || kill -s TERM $P 2>/dev/null; i=0`,
  `while look "$1"; [ -n "$P" ] && [ $i -lt 20 ]; do i=$((i+1))`,
  `[ $i -lt 10 ] || kill -s KILL $P 2>/dev/null; sleep 0.1 2>/dev/null || sleep 1; done`,
  `set -- $P; echo $#`,
].join("; ");

/** Of a command that could not be asked for. */
const UNKNOWN: AgentAnswer = {
  exited: false,
  exitCode: null,
  signal: null,
  stdout: "",
  stderr: "",
  truncated: { stdout: false, stderr: false },
};

/** Runs commands in virtual machines, through the guest agent. */
export class MachineExec {
  readonly #host: ProxmoxHost;
  readonly #clock: Clock;
  readonly #characterLimit: number;

  constructor(host: ProxmoxHost, clock: Clock, characterLimit: number) {
    this.#host = host;
    this.#clock = clock;
    this.#characterLimit = characterLimit;
  }

  /**
   * Runs one command and asks for its end until it is there. The agent hands out the output only then, so
   * an outcome of a timeout has what the ended command had written.
   *
   * @throws RemoteExecError when the command was not started
   */
  async run(
    vmid: number,
    { command, timeoutMs, signal, progress }: ExecCall,
  ): Promise<ExecOutcome> {
    const startedAt = this.#clock.now();
    const mark = `${MARK}=${crypto.randomUUID()}`;
    using limit = deadlineSignal(timeoutMs, { clock: this.#clock, late: cancelled });
    let pid: number | undefined;
    try {
      pid = await this.#start(vmid, mark, command, Math.min(timeoutMs, CALL_MS), signal);
      const stop = AbortSignal.any([limit.signal, cancelling(signal)]);
      const answer = await this.#untilExited(vmid, pid, stop, progress);
      return this.#outcome("exit", answer, startedAt);
    } catch (error) {
      // `qm` was stopped or lost on its way: the VM may have the command all the same.
      if (!(error instanceof RemoteExecError && UNTOLD.includes(error.code))) throw error;
      const ended = await this.#end(vmid, mark, pid);
      // The time of one question to the agent is not the command's, unless that is the shorter one.
      const isOver = limit.signal.aborted || (error.code === "timeout" && timeoutMs <= CALL_MS);
      // What could not even be begun says itself why.
      if (!(isOver || signal.aborted) || (pid === undefined && ended === undefined)) throw error;
      return this.#outcome(signal.aborted ? "cancelled" : "timeout", ended ?? UNKNOWN, startedAt);
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
    const { pid } = await this.#qm(vmid, [...words, "env", mark, "sh", "-c", SCRIPT], {
      timeoutMs,
      signal,
      stdin,
    });
    if (pid === undefined) throw unreadable("qm guest exec", "it names no process");
    return pid;
  }

  async #untilExited(
    vmid: number,
    pid: number,
    stop: AbortSignal,
    progress: ExecCall["progress"],
  ): Promise<AgentAnswer> {
    for (let polls = 0;; polls++) {
      const answer = await this.#status(vmid, pid, stop);
      if (answer.exited) return answer;
      progress?.({ progress: polls + 1, message: `Running in VM ${vmid}` });
      const pollMs = Math.min(100 * 2 ** polls, LONGEST_POLL_MS);
      await delay(pollMs, { clock: this.#clock, signal: stop });
    }
  }

  /**
   * Ends what has the mark. Works after a cancellation too, which therefore does not reach it.
   *
   * @returns what is known then, `exited` if nothing is left; undefined when the VM could not be asked
   */
  async #end(
    vmid: number,
    mark: string,
    pid: number | undefined,
  ): Promise<AgentAnswer | undefined> {
    using limit = deadlineSignal(END_MS, { clock: this.#clock, late: cancelled });
    try {
      const words = ["exec", String(vmid), "--timeout", "20", "--", "sh", "-c", END_SCRIPT];
      const { signal } = limit;
      const { stdout } = await this.#qm(vmid, [...words, "sh", mark], {
        timeoutMs: END_MS,
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
    throw await explain(this.#host, machine(vmid), action, answer, call);
  }

  #outcome(
    ending: "exit" | "timeout" | "cancelled",
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
      durationMs: Math.round(this.#clock.now() - startedAt),
      processEnded: answer.exited,
    };
  }
}

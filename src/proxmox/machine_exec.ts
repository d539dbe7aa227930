import type { Clock } from "../clock.ts";
import { type ErrorCode, RemoteExecError } from "../errors.ts";
import type { ExecOutcome } from "../ssh/port.ts";
import type { ExecCall } from "../ssh/service.ts";
import { unreadable } from "./errors.ts";
import { machine } from "./guest.ts";
import type { ProxmoxHost } from "./host.ts";
import { explain } from "./locate.ts";
import { pause } from "./pause.ts";
import { type AgentAnswer, parseAgentAnswer } from "./qm.ts";
import { limitOutput } from "./text_limit.ts";

/** One call of `qm`, whatever the command in the VM does meanwhile. */
const CALL_MS = 60_000;
const LONGEST_POLL_MS = 2_000;
/** Failures of `qm` that tell nothing of what the VM does. */
const UNTOLD: readonly ErrorCode[] = ["cancelled", "connection_lost", "internal", "timeout"];

/** Marks a command's processes in the VM: the agent itself offers no way to end anything. */
const MARK = "MCP_REMOTE_EXEC_CALL";

const SCRIPT =
  `if command -v bash >/dev/null 2>&1; then exec bash -c -- "$1"; fi; exec sh -c -- "$1"`;

/** Ends what has the mark: TERM, after a second KILL. Prints how many are left. */
const END_SCRIPT = [
  `look() { P=; for f in $(grep -l "$1" /proc/[0-9]*/environ 2>/dev/null); do f=\${f#/proc/}; P="$P \${f%/*}"; done; }`,
  `look "$1"; [ -z "$P" ] || kill -s TERM $P 2>/dev/null; i=0`,
  `while look "$1"; [ -n "$P" ] && [ $i -lt 20 ]; do i=$((i+1))`,
  `[ $i -lt 10 ] || kill -s KILL $P 2>/dev/null; sleep 0.1 2>/dev/null || sleep 1; done`,
  `set -- $P; echo $#`,
].join("; ");

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
    try {
      const words = ["exec", String(vmid), "--synchronous", "0", "--"];
      const guestLine = ["env", mark, "sh", "-c", SCRIPT, "sh", command];
      const { pid } = await this.#qm(vmid, words, guestLine, signal);
      if (pid === undefined) throw unreadable("qm guest exec", "it names no process");
      return await this.#follow(vmid, pid, mark, { timeoutMs, signal, progress, startedAt });
    } catch (error) {
      // `qm` was stopped or lost on its way: the VM may have the command all the same.
      if (error instanceof RemoteExecError && UNTOLD.includes(error.code)) {
        await this.#end(vmid, mark).catch(() => {});
      }
      throw error;
    }
  }

  async #follow(
    vmid: number,
    pid: number,
    mark: string,
    { timeoutMs, signal, progress, startedAt }: Omit<ExecCall, "command"> & {
      readonly startedAt: number;
    },
  ): Promise<ExecOutcome> {
    const limit = new AbortController();
    const takeBack = this.#clock.after(timeoutMs, () => limit.abort());
    const stop = AbortSignal.any([limit.signal, signal]);
    try {
      for (let polls = 0;; polls++) {
        const answer = await this.#status(vmid, pid, new AbortController().signal);
        if (answer.exited) return this.#outcome("exit", answer, startedAt);
        if (stop.aborted) break;
        progress?.({ progress: polls + 1, message: `Running in VM ${vmid}` });
        const delay = Math.min(100 * 2 ** polls, LONGEST_POLL_MS);
        await pause(this.#clock, delay, stop).catch(() => {});
      }
      const left = await this.#end(vmid, mark);
      const answer = await this.#status(vmid, pid, new AbortController().signal);
      const outcome = this.#outcome(signal.aborted ? "cancelled" : "timeout", answer, startedAt);
      return { ...outcome, processEnded: answer.exited && left === 0 };
    } finally {
      takeBack();
    }
  }

  /** Works after a cancellation too, which therefore does not reach it. @returns processes left */
  async #end(vmid: number, mark: string): Promise<number> {
    const { signal } = new AbortController();
    const words = ["exec", String(vmid), "--timeout", "20", "--"];
    const { stdout } = await this.#qm(
      vmid,
      words,
      ["sh", "-c", END_SCRIPT, "sh", mark],
      signal,
    );
    return Number.parseInt(stdout, 10);
  }

  #status(vmid: number, pid: number, signal: AbortSignal): Promise<AgentAnswer> {
    return this.#qm(vmid, ["exec-status", String(vmid), String(pid)], [], signal);
  }

  async #qm(
    vmid: number,
    words: readonly string[],
    command: readonly string[],
    signal: AbortSignal,
  ): Promise<AgentAnswer> {
    const action = `Running a command in VM ${vmid}`;
    const answer = await this.#host.run(["qm", "guest", ...words, ...command], {
      signal,
      progress: undefined,
      action,
      timeoutMs: CALL_MS,
    });
    if (answer.code === 0) return parseAgentAnswer(answer.stdout);
    throw await explain(this.#host, machine(vmid), action, answer, { signal });
  }

  #outcome(
    ending: "exit" | "timeout" | "cancelled",
    answer: AgentAnswer,
    startedAt: number,
  ): ExecOutcome {
    const { stdout, stderr } = limitOutput(answer.stdout, answer.stderr, this.#characterLimit);
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

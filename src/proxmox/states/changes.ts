import { cancelling } from "../../async/cancelling.ts";
import type { Clock } from "../../async/clock.ts";
import { delay } from "../../async/delay.ts";
import type { RemoteExecError } from "../../errors.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { alreadyStopped, haPending, otherState } from "../errors.ts";
import { type Guest, guestInText, programOf } from "../guests/guest.ts";
import type { Guests } from "../guests/guests.ts";
import { type HostAnswer, isRunning, type ProxmoxHost, type RunningTask } from "../host.ts";
import type { Look } from "../look.ts";
import { parseHaRequest, parsePid, parseStatus, parseWarnings } from "../parsers/pct.ts";
import { explain, readBack, readProblem } from "../problem.ts";

const STATUS_MS = 30_000;
const POLL_MS = 1_000;
/** What a command takes beyond the guest's own time: up to 10 s for the lock, and its own start. */
const MARGIN_MS = 30_000;

/** Min time before a change goes on as a job, even if the creation before it took long. */
const MIN_ANSWER_MS = 5_000;

/** A change of state, named like the subcommand of `pct` and `qm`. */
export type Verb = "start" | "stop" | "shutdown" | "reboot";

interface VerbFacts {
  /** As errors name it: "Starting container 101". */
  readonly doing: string;
  /** The state that the guest must have afterwards. */
  readonly wanted: "running" | "stopped";
  /** Set if the time limit is the guest's: the command itself gets this much more. */
  readonly marginMs?: number;
  /** The wanted state is also the one before, so that the guest's process must be a new one. */
  readonly restarts?: boolean;
}

const VERBS: Readonly<Record<Verb, VerbFacts>> = {
  start: { doing: "Starting", wanted: "running" },
  stop: { doing: "Stopping", wanted: "stopped" },
  shutdown: { doing: "Shutting down", wanted: "stopped", marginMs: MARGIN_MS },
  reboot: { doing: "Rebooting", wanted: "running", marginMs: 2 * MARGIN_MS, restarts: true },
};

/** What a change does, as errors and answers name it: "Starting container 101". */
export const actionOf = (guest: Guest, verb: Verb): string =>
  `${VERBS[verb].doing} ${guestInText(guest)}`;

/** How to carry out a change. */
export interface ChangeOptions {
  /** For start and stop: of the command. For shutdown and reboot: what the guest gets to shut down. */
  readonly timeoutMs: number;
  /** Shutdown only: kill the guest when the time is over. */
  readonly force?: boolean;
  /** When the call began, by the clock; by default now. */
  readonly startedAt?: number;
}

/** The result of a change; the state was read back. */
export interface Changed {
  /** HA was asked for the change and carried it out. */
  readonly byHa: boolean;
  readonly warnings: readonly string[];
}

/** A change, or the wait for HA after it, that goes on as a job. */
export interface ChangeGoingOn extends RunningTask {
  readonly byHa: boolean;
}

/** What carries out a change after its command. */
type Cause = "HA" | "its start";

/** What a job that waits in vain reports. */
const UNMET: Readonly<Record<Cause, string>> = {
  HA: "HA has not carried out the request in time, and may still do so",
  "its start": "The VM has not started again in time",
};

/** A change whose command has ended, and the state to be confirmed. */
interface Unconfirmed {
  readonly guest: Guest;
  readonly action: string;
  readonly wanted: string;
  readonly limitMs: number;
  readonly deadlineMs: number;
  /** From then on the wait goes on as a job. */
  readonly answerAtMs: number;
  /** The state that was read with the command. */
  readonly seen: string | undefined;
  /** What the change still waits for; undefined if the guest must be in the wanted state at once. */
  readonly waitsFor: Cause | undefined;
}

/** Changes the state of guests. Works for both kinds. */
export class StateChanges {
  readonly #host: ProxmoxHost;
  readonly #guests: Guests;
  readonly #clock: Clock;

  constructor(host: ProxmoxHost, guests: Guests, clock: Clock) {
    this.#host = host;
    this.#guests = guests;
    this.#clock = clock;
  }

  /**
   * Changes the state and reads it back: an exit code of 0 is no proof. If HA manages the guest, the
   * command only sends a request; this waits until HA has carried it out. Both go on as a job when they take long.
   *
   * @throws RemoteExecError `invalid_state` if the guest already is in that state, `timeout`, `locked`,
   *   `verification_failed` if the state read back is another one
   */
  async change(
    guest: Guest,
    verb: Verb,
    { timeoutMs, force = false, startedAt = this.#clock.elapsed() }: ChangeOptions,
    context: ToolContext,
  ): Promise<Changed | ChangeGoingOn> {
    const { wanted, marginMs, restarts } = VERBS[verb];
    const action = actionOf(guest, verb);
    const limitMs = timeoutMs + (marginMs ?? 0);
    await this.#refuseStopOfStopped(guest, wanted, context);
    const deadlineMs = this.#clock.elapsed() + limitMs;
    const pidBefore = restarts ? await this.#pid(guest, context) : undefined;
    const answerAtMs = startedAt + (this.#host.answerWithinMs || Infinity);
    const answer = await this.#host.longTask([
      programOf(guest),
      verb,
      String(guest.id),
      ...(marginMs === undefined ? [] : ["--timeout", String(Math.round(timeoutMs / 1000))]),
      ...(force ? ["--forceStop", "1"] : []),
    ], {
      ...{ ...context, action, timeoutMs: limitMs },
      look: lookAt(guest, verb, pidBefore),
      answerWithinMs: Math.max(MIN_ANSWER_MS, answerAtMs - this.#clock.elapsed()),
    });
    if (isRunning(answer)) return { ...answer, byHa: false };
    if (answer.code !== 0) throw await this.#problem(guest, verb, answer, context);
    const byHa = parseHaRequest(answer.stdout) !== undefined;
    const waitsFor = causeOf(guest, verb, byHa);
    const seen = parseStatus(answer.look ?? "");
    const change = { guest, action, wanted, limitMs, deadlineMs, answerAtMs, seen, waitsFor };
    const waiting = await this.#confirm(change, context);
    if (waiting !== undefined) return { ...waiting, byHa };
    if (pidBefore !== undefined) {
      const pid = parsePid(answer.look ?? "") ?? await readBack(action, this.#pid(guest, context));
      if (pid === pidBefore) throw otherState(guest, action, "running as before");
    }
    return { byHa, warnings: parseWarnings(answer.stdout) };
  }

  /**
   * `qm stop` and `qm shutdown` exit with 0 for a VM that is stopped, unlike `pct`.
   *
   * Source: qemu-server e6352be src/PVE/QemuServer.pm:6251-6373, 8433-8444.
   */
  async #refuseStopOfStopped(guest: Guest, wanted: string, context: ToolContext): Promise<void> {
    if (guest.kind === "container" || wanted !== "stopped") return;
    if (await this.#guests.status(guest, context) === "stopped") throw alreadyStopped(guest);
  }

  async #problem(
    guest: Guest,
    verb: Verb,
    answer: HostAnswer,
    context: ToolContext,
  ): Promise<RemoteExecError> {
    const action = actionOf(guest, verb);
    const problem = await explain(this.#host, guest, action, answer, context);
    // A guest that does not exist is reported in the same words.
    const isStopped = problem.code === "invalid_state" &&
      readProblem(guest, action, answer.stderr) === "not_running";
    return isStopped && VERBS[verb].wanted === "stopped" ? alreadyStopped(guest) : problem;
  }

  /**
   * Reads the state back. Waits for HA, and for the second half of a VM's reboot: `qm reboot` ends when
   * the VM has stopped, and only then does `qmeventd` start it again.
   *
   * Source: qemu-server e6352be src/PVE/QemuServer.pm:6375-6399, src/PVE/CLI/qm.pm:1163-1180.
   */
  async #confirm(
    change: Unconfirmed,
    { signal, progress }: ToolContext,
  ): Promise<RunningTask | undefined> {
    const { guest, action, wanted, limitMs, deadlineMs, answerAtMs, waitsFor } = change;
    const quiet = { signal, progress: undefined };
    let { seen } = change;
    for (let polls = 1;; polls++) {
      const state = seen ?? await readBack(action, this.#guests.status(guest, quiet));
      seen = undefined;
      if (state === wanted) return undefined;
      const now = this.#clock.elapsed();
      if (waitsFor === undefined || now >= deadlineMs) {
        throw waitsFor === "HA"
          ? haPending(guest, action, limitMs / 1000, state)
          : otherState(guest, action, state);
      }
      if (now >= answerAtMs) {
        const waiting = await this.#waitOn(change, deadlineMs - now, quiet);
        return waiting ?? await this.#confirm({ ...change, answerAtMs: Infinity }, quiet);
      }
      progress?.({ progress: polls, message: `${action}: waiting for ${waitsFor}` });
      await delay(POLL_MS, { clock: this.#clock, signal: cancelling(signal) });
    }
  }

  /** Starts a job that waits for the state. Returns undefined if it ended at once. */
  async #waitOn(
    { guest, action, wanted, waitsFor }: Unconfirmed,
    waitMs: number,
    context: ToolContext,
  ): Promise<RunningTask | undefined> {
    const words = [programOf(guest), "status", String(guest.id)] as const;
    const answer = await this.#host.longTask(["true"], {
      ...{ ...context, action, timeoutMs: waitMs + MARGIN_MS, answerWithinMs: 0 },
      look: { words, line: `status: ${wanted}`, waitMs, unmet: UNMET[waitsFor ?? "its start"] },
      shown: `wait until ${guestInText(guest)} is ${wanted}`,
    });
    return isRunning(answer) ? answer : undefined;
  }

  /** Returns undefined for a guest that is not running or does not exist. */
  async #pid(guest: Guest, context: ToolContext): Promise<string | undefined> {
    const { stdout } = await this.#host.run(
      [programOf(guest), "status", String(guest.id), "--verbose"],
      { ...context, action: "Reading the status", timeoutMs: STATUS_MS },
    );
    return parsePid(stdout);
  }
}

/** What a change that goes on as a job reads back. A rebooted guest has another process. */
function lookAt(guest: Guest, verb: Verb, pidBefore: string | undefined): Look {
  const { wanted, restarts } = VERBS[verb];
  const words = [programOf(guest), "status", String(guest.id)];
  const line = `status: ${wanted}`;
  if (!restarts) return { words, line };
  return {
    words: [...words, "--verbose"],
    line,
    ...(pidBefore === undefined ? {} : { without: `pid: ${pidBefore}` }),
    ...(guest.kind === "vm" ? { waitMs: MARGIN_MS } : {}),
  };
}

function causeOf({ kind }: Guest, verb: Verb, byHa: boolean): Cause | undefined {
  if (byHa) return "HA";
  return VERBS[verb].restarts && kind === "vm" ? "its start" : undefined;
}

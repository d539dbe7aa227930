import { abortable } from "../../../async/abortable.ts";
import { cancelling } from "../../../async/cancelling.ts";
import { type Clock, waitingClock } from "../../../async/clock.ts";
import { deadlineSignal, valueWithin } from "../../../async/deadline.ts";
import { delay } from "../../../async/delay.ts";
import { every } from "../../../async/every.ts";
import { RemoteExecError } from "../../../errors.ts";
import type { StartedCommand } from "./started_command.ts";
import type { JobState } from "../../jobs/port.ts";
import type { KeptOutputs } from "../kept/kept_outputs.ts";
import { CommandOutput } from "./command_output.ts";
import type { ConnectionPool, SessionWait } from "../connection/pool.ts";
import type { ExecOutcome, ExecProgress, ExecRequest } from "../../port.ts";
import { StartMark } from "../../../shell/start_mark.ts";
import { commandNotRun } from "../../errors.ts";
import type { Sudo } from "../sudo/sudo.ts";
import { sudoNotConfigured } from "../sudo/errors.ts";
import { termOnlyCommand } from "./term_only_command.ts";

const PROGRESS_MS = 1_000;
/** After a command's exit, its output counts as complete when it is quiet this long; see {@linkcode drained}. */
const QUIET_MS = 250;

/** The pool's wait for a session ends this much earlier: only the pool knows that none was free. */
const POOL_FIRST_MS = 5;

/** The cancellation signal of a call and its optional progress callback. */
export interface ExecContext {
  readonly signal: AbortSignal;
  readonly progress: ((step: ExecProgress) => void) | undefined;
  /** True for a command that the caller has not asked for; see {@linkcode ConnectionPool.start}. */
  readonly isOwn?: boolean;
  /** Measures the time limit, and the time between two reports of progress. */
  readonly clock?: Clock;
  /** Starts a command of root, for a request with `sudo`. */
  readonly sudo?: Sudo | undefined;
  /** Where the uncut output of a request with `keepsOutput` goes. */
  readonly kept?: KeptOutputs;
}

/**
 * Runs one command and waits for its end, its time limit or its cancellation. In the last two cases the
 * command is stopped on the host first. The command line reaches the login shell unchanged.
 *
 * @throws RemoteExecError if the host did not confirm the start, or if the start mark is missing
 */
export async function runCommand(
  pool: ConnectionPool,
  request: ExecRequest,
  characterLimit: number,
  context: ExecContext,
): Promise<ExecOutcome> {
  const startedAt = performance.now();
  const signal = cancelling(context.signal);
  // The reason of its signal says whether it was the time limit or the cancellation.
  using stop = deadlineSignal(request.timeoutMs, {
    signal,
    late: (limitMs) => pool.silence(limitMs) ?? timedOut(limitMs),
    clock: context.clock,
  });
  const deadlineMs = startedAt + request.timeoutMs - POOL_FIRST_MS;
  const { graceMs } = request;
  const wait = { deadlineMs, limitMs: request.timeoutMs, signal: stop.signal };
  const starting = start(pool, request, wait, context);
  // If the start is confirmed after the caller has stopped waiting, the command is stopped at once.
  const command = await abortable(
    starting,
    stop.signal,
    (late) => late.end(graceMs).finally(() => late.release()),
  );
  try {
    using output = new CommandOutput(
      characterLimit,
      request.keepsOutput ? context.kept?.open() : undefined,
      request.stderrMark,
    );
    const outcome = await follow(command, request, output, {
      startedAt,
      stop: stop.signal,
      progress: context.progress,
      clock: context.clock,
    });
    return withOutputId(outcome, request, output);
  } finally {
    command.release();
  }
}

async function start(
  pool: ConnectionPool,
  { command, graceMs, sudo, stdin = "" }: ExecRequest,
  wait: SessionWait,
  context: ExecContext,
): Promise<StartedCommand> {
  const line = graceMs === undefined ? command : termOnlyCommand(command);
  if (!sudo) return await pool.start(line, wait, context.isOwn);
  if (context.sudo === undefined) throw sudoNotConfigured();
  const stdinBytes = new TextEncoder().encode(stdin).length;
  return await context.sudo.start({ line, isScript: false, stdinBytes, graceMs }, wait);
}

/** Keeps the uncut output of an answer that lacks some of it. */
export function withOutputId(
  outcome: ExecOutcome,
  request: ExecRequest,
  output: CommandOutput,
): ExecOutcome {
  if (!outcome.stdout.truncated && !outcome.stderr.truncated) return outcome;
  const { exitCode, signal, durationMs } = outcome;
  const outputId = output.keep({
    command: request.shown ?? request.command,
    state: STATES[outcome.ending],
    startedAtMs: Date.now() - durationMs,
    runtimeMs: durationMs,
    exitCode,
    signal,
  });
  return outputId === undefined ? outcome : { ...outcome, outputId };
}

const STATES: Readonly<Record<ExecOutcome["ending"], JobState>> = {
  exit: "exited",
  signal: "exited",
  no_status: "exited",
  timeout: "timed_out",
  cancelled: "stopped",
  connection_lost: "lost",
  running: "running",
};

interface Run {
  readonly startedAt: number;
  readonly stop: AbortSignal;
  readonly progress: ExecContext["progress"];
  readonly clock: Clock | undefined;
}

/** How the command ended. `known` is false until the host reports it. */
interface Ending {
  exitCode: number | null;
  signal: string | null;
  known: boolean;
}

async function follow(
  command: StartedCommand,
  request: ExecRequest,
  output: CommandOutput,
  { startedAt, stop, progress, clock }: Run,
): Promise<ExecOutcome> {
  const { channel } = command;
  const ending: Ending = { exitCode: null, signal: null, known: false };
  const exited = command.exited.then(({ code, signal }) => {
    const known = { exitCode: code, signal: signalName(signal), known: true };
    Object.assign(ending, known);
    return "exited" as const;
  });
  const closed = new Promise<"closed">((resolve) => channel.once("close", () => resolve("closed")));
  const mark = request.hasStartMark ? new StartMark() : undefined;
  channel.on("data", (chunk: Uint8Array) => output.push("stdout", mark?.after(chunk) ?? chunk));
  channel.stderr.on("data", (chunk: Uint8Array) => output.push("stderr", chunk));
  channel.on("error", () => {}); // a write after the command has closed its stdin
  channel.end(request.stdin);
  const stopReporting = report(progress, output, clock);
  const stopped = new Promise<"stopped">((resolve) => {
    stop.addEventListener("abort", () => resolve("stopped"), { once: true });
    if (stop.aborted) resolve("stopped");
  });
  let event = await Promise.race([closed, exited, stopped]);
  if (event === "exited") {
    await Promise.race([
      closed,
      stopped,
      drained(command, () => output.bytes, stop),
    ]);
  }
  let processEnded = ending.known;
  if (event === "stopped" && !ending.known) {
    processEnded = await command.end(request.graceMs);
    await valueWithin(closed, 300);
  } else event = "closed";
  stopReporting();
  const { stdout, stderr } = output.end();
  if (event === "closed" && ending.exitCode !== null && mark?.seen === false) {
    throw commandNotRun(ending.exitCode, `${mark.before}\n${output.stderr.cut(1_000).text}`);
  }
  return {
    ending: event === "stopped" ? stopReason(stop) : endingOf(ending, command.isConnected()),
    exitCode: event === "stopped" ? null : ending.exitCode,
    signal: event === "stopped" ? null : ending.signal,
    stdout,
    stderr,
    durationMs: Math.round(performance.now() - startedAt),
    processEnded,
  };
}

/** Returns a signal's name without `SIG`. The host may send anything as the name. Source: RFC 4254 section 6.10. */
export function signalName(signal: string | undefined): string | null {
  if (signal === undefined) return null;
  const name = signal.replace(/^SIG/, "");
  return /^[A-Z0-9@.-]{1,40}$/.test(name) ? name : "UNKNOWN";
}

function endingOf(ending: Ending, isConnected: boolean): ExecOutcome["ending"] {
  if (!ending.known) return isConnected ? "no_status" : "connection_lost";
  return ending.signal === null ? "exit" : "signal";
}

/** Returns why a call was stopped: its time limit or its cancellation. */
export const stopReason = (stop: AbortSignal): "timeout" | "cancelled" =>
  stop.reason instanceof RemoteExecError && stop.reason.code === "cancelled"
    ? "cancelled"
    : "timeout";

/**
 * Waits for the rest of the output when the shell has exited but a background process keeps the channel
 * open: until the output is quiet and the host has sent everything.
 */
async function drained(
  command: StartedCommand,
  bytes: () => number,
  stop: AbortSignal,
): Promise<"drained"> {
  while (!stop.aborted) {
    const seen = bytes();
    await delay(QUIET_MS);
    if (bytes() !== seen) continue;
    await command.settle(2_000);
    if (bytes() === seen) break;
  }
  return "drained";
}

function report(
  progress: ExecContext["progress"],
  output: CommandOutput,
  clock: Clock = waitingClock,
): () => void {
  if (progress === undefined) return () => {};
  return every(clock, PROGRESS_MS, () => progress(output.step()));
}

/** The time limit expired before the host confirmed the start. */
export const timedOut = (timeoutMs: number): RemoteExecError =>
  new RemoteExecError(
    "timeout",
    `The host did not start the command within ${
      timeoutMs / 1000
    } seconds; if it starts later, it is stopped at once`,
    "Raise the timeout, or check that HOST can be reached",
  );

import { abortable } from "../../../async/abortable.ts";
import { cancelling } from "../../../async/cancelling.ts";
import { waitingClock } from "../../../async/clock.ts";
import { deadlineSignal, valueWithin } from "../../../async/deadline.ts";
import { every } from "../../../async/every.ts";
import type { RemoteExecError } from "../../../errors.ts";
import { commandNotRun } from "../../errors.ts";
import type { ExecOutcome, ExecRequest, JobSettings } from "../../port.ts";
import { CommandOutput } from "../commands/command_output.ts";
import { CommandStream } from "../commands/command_stream.ts";
import { type ExecContext, stopReason, timedOut, withOutputId } from "../commands/exec.ts";
import { sudoNotConfigured } from "../sudo/errors.ts";
import type { RootJob } from "../sudo/sudo.ts";
import type { StartedCommand } from "../commands/started_command.ts";
import type { SessionWait } from "../connection/pool.ts";
import { AttendedOutput } from "./attended_output.ts";
import { startFailed } from "./errors.ts";
import { HostJobs } from "./host_jobs.ts";
import { jobLine, newJobId } from "./job_start.ts";
import { type JobStatus, parseStatus } from "./records.ts";

/** Time between two requests for new output. */
const SHOW_MS = 1_000;
/** Max time for the end of a job that was told to stop: 1 s for TERM, 2 s for KILL, and a slow host. */
const STOP_MS = 6_000;

/** A command that may go on as a job. */
export type AttendedRequest = ExecRequest & { readonly answerWithinMs: number };

/** Reports whether a command may go on as a job: it has no stdin. */
export const mayGoOn = (request: ExecRequest): request is AttendedRequest =>
  request.answerWithinMs !== undefined && request.timeoutMs > request.answerWithinMs &&
  request.stdin === undefined;

/** What {@linkcode runAttended} needs. */
export interface AttendedContext extends ExecContext {
  readonly settings: JobSettings;
  readonly characterLimit: number;
  /** When the call was made, by `performance.now()`. */
  readonly startedAt: number;
  /** Aborted when this server ends: a command that is being stopped is killed then. */
  readonly closing?: AbortSignal;
  start(line: string, wait: SessionWait): Promise<StartedCommand>;
  /** See {@linkcode ConnectionPool.silence}. */
  silence?(limitMs: number): RemoteExecError | undefined;
}

/** How the host's side of the command ended, or that it goes on. */
type Result =
  | { readonly kind: "ended"; readonly status: JobStatus }
  | { readonly kind: "released" | "stopped" | "lost" | "unstoppable" };

/**
 * Runs a command as a job that this connection attends: it ends with the connection, like any other
 * command. If it still runs after `answerWithinMs`, it is released and goes on by itself, and the outcome is
 * `running`. If it ends before, the outcome is that of a command that was started directly, and the job
 * leaves no trace.
 *
 * @throws RemoteExecError if the host did not confirm the start, or if the start mark is missing
 */
export async function runAttended(
  request: AttendedRequest,
  context: AttendedContext,
): Promise<ExecOutcome> {
  const { startedAt, settings } = context;
  const { timeoutMs } = request;
  const signal = cancelling(context.signal);
  const { clock } = context;
  const leftMs = Math.max(0, timeoutMs - (performance.now() - startedAt));
  const late = () => context.silence?.(timeoutMs) ?? timedOut(timeoutMs);
  using stop = deadlineSignal(leftMs, { signal, clock, late });
  const id = newJobId();
  const { command, shown = command, ctid, vmid, hasStartMark, stderrMark, graceMs } = request;
  const job = {
    ...{ command, shown, maxRuntimeMs: timeoutMs },
    ...(ctid === undefined ? {} : { ctid }),
    ...(vmid === undefined ? {} : { vmid }),
    ...(hasStartMark === undefined ? {} : { hasStartMark }),
    ...(stderrMark === undefined ? {} : { stderrMark }),
    ...(graceMs === undefined ? {} : { graceMs }),
  };
  const wait = { deadlineMs: startedAt + timeoutMs, limitMs: timeoutMs, signal: stop.signal };
  const root = request.sudo ? await rootJob(request, context, wait) : undefined;
  const line = jobLine(id, job, settings, shownPart(request, context), root);
  const starting = context.start(line, wait);
  const started = await abortable(starting, stop.signal, (late) => {
    return late.end().finally(() => late.release());
  });
  using output = new CommandOutput(
    context.characterLimit,
    request.keepsOutput ? context.kept?.open() : undefined,
    stderrMark,
  );
  const outcome = await new Attendance(started, id, request, context, output, root).run(
    stop.signal,
  );
  // A job keeps its output on the host.
  return outcome.ending === "running" ? outcome : withOutputId(outcome, request, output);
}

async function rootJob(
  { command: line, graceMs }: AttendedRequest,
  { sudo }: AttendedContext,
  wait: SessionWait,
): Promise<RootJob> {
  if (sudo === undefined) throw sudoNotConfigured();
  await sudo.prove(wait);
  return sudo.job({ line, graceMs });
}

/** Returns how much of a stream's beginning and end an answer needs, and a reader of a kept output. */
function shownPart({ keepsOutput }: AttendedRequest, { characterLimit, kept }: AttendedContext) {
  const bytes = (characterLimit + 1) * MAX_CODE_POINT_BYTES;
  const keptBytes = keepsOutput ? kept?.maxOutputBytes ?? 0 : 0;
  return { headBytes: Math.max(bytes, keptBytes), tailBytes: bytes };
}

/** Max bytes of one code point in UTF-8. */
const MAX_CODE_POINT_BYTES = 4;

/** One attended job. */
class Attendance {
  readonly #command: StartedCommand;
  readonly #stream: CommandStream;
  readonly #id: string;
  readonly #request: AttendedRequest;
  readonly #context: AttendedContext;
  readonly #output: AttendedOutput;
  readonly #root: RootJob | undefined;
  #isShown = true;
  #isReleasing = false;

  constructor(
    command: StartedCommand,
    id: string,
    request: AttendedRequest,
    context: AttendedContext,
    output: CommandOutput,
    root: RootJob | undefined,
  ) {
    this.#root = root;
    this.#command = command;
    this.#stream = new CommandStream(command);
    this.#id = id;
    this.#request = request;
    this.#context = context;
    this.#output = new AttendedOutput(this.#stream, output, request.stderrMark, root?.mark);
  }

  async run(stop: AbortSignal): Promise<ExecOutcome> {
    if (this.#root?.input !== undefined) this.#write(this.#root.input);
    const { startedAt, clock = waitingClock } = this.#context;
    const stopShowing = every(clock, SHOW_MS, () => this.#show());
    const answerMs = this.#request.answerWithinMs - (performance.now() - startedAt);
    const stopWaiting = clock.after(Math.max(0, answerMs), () => this.#release());
    const onClosing = () => this.#stream.endInput();
    this.#context.closing?.addEventListener("abort", onClosing);
    try {
      const result = await this.#result(stop);
      if (result.kind === "ended") this.#output.addDropped(result.status);
      return this.#outcome(result, stop);
    } finally {
      stopShowing();
      stopWaiting();
      this.#context.closing?.removeEventListener("abort", onClosing);
      await this.#stream.close();
    }
  }

  async #result(stop: AbortSignal): Promise<Result> {
    const following = this.#follow();
    following.catch(() => {}); // nobody waits for it any more after a stop
    const stopped = new Promise<undefined>((resolve) => {
      stop.addEventListener("abort", () => resolve(undefined), { once: true });
      if (stop.aborted) resolve(undefined);
    });
    const result = await Promise.race([following, stopped]);
    if (result !== undefined && !(stop.aborted && result.kind === "released")) return result;
    this.#order("k");
    const limitMs = STOP_MS + (this.#request.graceMs ?? 0);
    const last = await valueWithin(following, limitMs) ?? { kind: "unstoppable" };
    return last.kind === "released" ? await this.#stopReleased(limitMs) : last;
  }

  /** Stops the job that went on before the order to stop it arrived. */
  async #stopReleased(limitMs: number): Promise<Result> {
    const { settings, start } = this.#context;
    const jobs = new HostJobs({
      ...{ settings, limitMs },
      start: (line, signal) =>
        start(line, { deadlineMs: performance.now() + limitMs, limitMs, signal }),
    });
    const stopping = jobs.stop(this.#id, new AbortController().signal);
    const stopped = await valueWithin(stopping.catch(() => undefined), limitMs);
    return { kind: stopped?.processEnded ? "stopped" : "unstoppable" };
  }

  /** Reads until the job ends or is released. */
  async #follow(): Promise<Result> {
    for (;;) {
      const line = await this.#stream.readLine();
      if (line === undefined) return { kind: "lost" };
      const [word = "", ...rest] = line.split(" ");
      if (await this.#output.take(word, rest)) continue;
      if (word === "E") throw startFailed(line.slice(2));
      if (word === "U") this.#shown();
      if (word === "G") return { kind: "released" };
      if (word === "N") return { kind: "unstoppable" };
      if (word === "X") return { kind: "ended", status: parseStatus(rest) };
    }
  }

  #order(letter: "u" | "r" | "k"): void {
    this.#write(`${letter}\n`);
  }

  #write(text: string): void {
    this.#stream.write(new TextEncoder().encode(text)).catch(() => {});
  }

  /** Asks for the new output, unless an answer is still on its way. */
  #show(): void {
    if (!this.#isShown || this.#isReleasing) return;
    this.#isShown = false;
    this.#order("u");
  }

  #shown(): void {
    this.#isShown = true;
    this.#context.progress?.(this.#output.progress());
  }

  #release(): void {
    this.#isReleasing = true;
    this.#order("r");
  }

  #outcome(result: Result, stop: AbortSignal): ExecOutcome {
    const { startedAt } = this.#context;
    const status = result.kind === "ended" ? result.status : undefined;
    const ending = this.#ending(result, stop);
    const isOver = ending === "exit" || ending === "signal";
    if (ending === "exit" && this.#root !== undefined && !this.#output.isRoot) {
      throw this.#root.refused(this.#output.saidBySudo);
    }
    if (ending === "exit" && this.#request.hasStartMark && !this.#output.isMarked) {
      throw commandNotRun(status?.exitCode ?? 255, this.#output.before);
    }
    return {
      ending,
      exitCode: isOver ? status?.exitCode ?? null : null,
      signal: isOver ? status?.signal ?? null : null,
      ...this.#output.end(),
      durationMs: Math.round(performance.now() - startedAt),
      processEnded: status !== undefined || result.kind === "stopped",
      ...(ending === "running" ? this.#released() : {}),
      ...(ending === "connection_lost" && this.#isReleasing ? { jobId: this.#id } : {}),
    };
  }

  #released() {
    const maxRuntimeMs = this.#request.timeoutMs;
    return { jobId: this.#id, maxRuntimeMs, ...this.#output.offsets };
  }

  #ending({ kind, ...result }: Result, stop: AbortSignal): ExecOutcome["ending"] {
    if (kind === "released") return "running";
    if (stop.aborted) return stopReason(stop);
    if (kind !== "ended") return this.#command.isConnected() ? "no_status" : "connection_lost";
    const status = "status" in result ? result.status : undefined;
    if (status?.state === "timed_out") return "timeout";
    if (status?.signal) return "signal";
    return status?.exitCode === null ? "no_status" : "exit";
  }
}

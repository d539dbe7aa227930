import * as z from "zod";
import { valueWithin } from "../async/deadline.ts";
import { abortable } from "../async/abortable.ts";
import { cancelling } from "../async/cancelling.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import { cancelled, internalError, RemoteExecError } from "../errors.ts";
import { toFailure, type ToolResult, toResult } from "./result.ts";
import type { Progress, ToolAnswer, ToolContext } from "./tool.ts";

/** A call that was answered before its work was done. */
export interface LongCall {
  readonly id: string;
  /** What it does, like `exchange_upload backup.tar`. */
  readonly shown: string;
  readonly state: "running" | "exited" | "stopped";
  readonly hasFailed: boolean;
  readonly startedAtMs: number;
  readonly runtimeMs: number;
  /** The text of the tool's own answer; empty while it runs. */
  readonly text: string;
}

/** What a call returns when its work goes on. */
export interface StillRunning {
  readonly running: true;
  readonly job_id: string;
}

/** Finished calls beyond this many are forgotten, the oldest first. */
const MAX_FINISHED = 50;

/** Adds the fields of {@linkcode StillRunning} to a tool's output; the others are then missing. */
export const longOutput = <Shape extends z.ZodRawShape>(output: z.ZodObject<Shape>) =>
  output.partial().extend({
    running: z.literal(true).optional().describe("Only with job_id, for ssh_job_output"),
    job_id: z.string().optional().meta({ unlisted: true }),
  });

/**
 * Lets calls of this server answer before their work is done. The work ends with the server; until then
 * its result can be read under its ID.
 */
export class LongCalls {
  readonly #answerWithinMs: number;
  readonly #clock: Clock;
  readonly #calls = new Map<string, Call>();

  /** @param answerWithinMs 0: every call waits for its work */
  constructor(answerWithinMs: number, clock: Clock = systemClock) {
    this.#answerWithinMs = answerWithinMs;
    this.#clock = clock;
  }

  /**
   * Runs the work of one call and returns its answer, or that it goes on. Until then a cancellation ends the
   * work, afterwards only {@linkcode stop} does.
   */
  async run<Data>(
    shown: string,
    context: ToolContext,
    work: (context: ToolContext) => Promise<ToolAnswer<Data>>,
  ): Promise<ToolAnswer<Data | StillRunning>> {
    if (this.#answerWithinMs === 0) return await work(context);
    const call = new Call(shown, context, this.#clock.now());
    const answer = work({ signal: call.signal, progress: call.progress });
    const inTime = await valueWithin(answer, this.#answerWithinMs, this.#clock);
    if (inTime !== undefined) return inTime;
    call.release();
    this.#calls.set(call.id, call);
    call.follow(answer, this.#clock).then(() => this.#forget());
    const data = { running: true, job_id: call.id } as const;
    return { text: formatRunning(data, shown), data };
  }

  /** All calls that go on or have ended, oldest first. */
  list(): LongCall[] {
    return [...this.#calls.values()].map((call) => this.#shown(call));
  }

  /** @throws RemoteExecError `not_found` */
  get(id: string): LongCall {
    return this.#shown(this.#find(id));
  }

  /** Waits for the end of a call, for at most `waitMs`. @throws RemoteExecError `not_found`, `cancelled` */
  async wait(id: string, waitMs: number, signal: AbortSignal): Promise<void> {
    const call = this.#find(id);
    if (waitMs === 0) return;
    const ended = valueWithin(call.ended, waitMs, this.#clock);
    await abortable(ended, cancelling(signal));
  }

  /** Ends the work of a call and waits for that. @throws RemoteExecError `not_found` */
  async stop(id: string, limitMs: number): Promise<LongCall> {
    const call = this.#find(id);
    call.stop();
    await valueWithin(call.ended, limitMs, this.#clock);
    return this.#shown(call);
  }

  #find(id: string): Call {
    const call = this.#calls.get(id);
    if (call === undefined) throw callMissing(id);
    return call;
  }

  #shown(call: Call): LongCall {
    const { id, shown, startedAtMs, result, isStopped } = call;
    const runtimeMs = (call.endedAtMs ?? this.#clock.now()) - startedAtMs;
    const hasFailed = result?.isError === true;
    const state = result === undefined
      ? "running" as const
      : isStopped && hasFailed
      ? "stopped" as const
      : "exited" as const;
    return { id, shown, state, hasFailed, startedAtMs, runtimeMs, text: textOf(result) };
  }

  #forget(): void {
    const finished = [...this.#calls.values()].filter(({ result }) => result !== undefined);
    for (const { id } of finished.slice(0, -MAX_FINISHED)) this.#calls.delete(id);
  }
}

/** One call whose work may go on. */
class Call {
  readonly id = `srv-${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`;
  readonly shown: string;
  readonly startedAtMs: number;
  endedAtMs: number | undefined;
  result: ToolResult | undefined;
  isStopped = false;
  readonly #stopper = new AbortController();
  readonly #context: ToolContext;
  readonly #ended = Promise.withResolvers<true>();
  #isReleased = false;

  constructor(shown: string, context: ToolContext, nowMs: number) {
    this.shown = shown;
    this.startedAtMs = nowMs;
    this.#context = context;
    const { signal } = context;
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener("abort", this.#onAbort);
  }

  get signal(): AbortSignal {
    return this.#stopper.signal;
  }

  get ended(): Promise<true> {
    return this.#ended.promise;
  }

  /** Undefined when the client did not ask for progress. */
  get progress(): ToolContext["progress"] {
    const { progress } = this.#context;
    return progress && ((step: Progress) => this.#isReleased ? undefined : progress(step));
  }

  /** The call is answered: its client no longer ends the work. */
  release(): void {
    this.#isReleased = true;
    this.#context.signal.removeEventListener("abort", this.#onAbort);
  }

  async follow(answer: Promise<ToolAnswer<unknown>>, clock: Clock): Promise<void> {
    this.result = await answer.then(
      (done) => toResult(done, "text"),
      (error) => toFailure(error instanceof RemoteExecError ? error : internalError(error), "text"),
    );
    this.endedAtMs = clock.now();
    this.#ended.resolve(true);
  }

  stop(): void {
    this.isStopped ||= this.result === undefined;
    this.#stopper.abort(cancelled());
  }

  readonly #onAbort = () => this.#stopper.abort(this.#context.signal.reason);
}

/** Tells that a call goes on, and how to read its result. */
export const formatRunning = ({ job_id }: StillRunning, shown: string): string =>
  `[RUNNING] ${shown} goes on in this server as job ${job_id} and ends with the server.\n` +
  `Wait for its result with ssh_job_output (job_id ${job_id}, wait_seconds 45); ssh_stop_job stops it.`;

function textOf(result: ToolResult | undefined): string {
  const [block] = result?.content ?? [];
  return block?.type === "text" ? block.text : "";
}

const callMissing = (id: string) =>
  new RemoteExecError(
    "not_found",
    `There is no job ${id} in this server: it may have been started again`,
    "List the jobs with ssh_list_jobs, then check what the call has done before you repeat it",
  );

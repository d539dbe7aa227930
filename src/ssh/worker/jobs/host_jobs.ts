import { cancelling } from "../../../async/cancelling.ts";
import { deadline } from "../../../async/deadline.ts";
import { delay } from "../../../async/delay.ts";
import {
  type JobFacts,
  type JobPage,
  type JobRead,
  type JobRequest,
  NOT_STOPPED,
  type StartedJob,
  type StoppedJob,
} from "../../jobs/port.ts";
import { fromCharacter, lastThatFit } from "../../jobs/page.ts";
import type { JobSettings } from "../../port.ts";
import { connectionLost } from "../../errors.ts";
import { CommandStream } from "../commands/command_stream.ts";
import type { StartedCommand } from "../commands/started_command.ts";
import type { RootJob } from "../sudo/sudo.ts";
import { jobNotFound, patternRefused, startFailed, startUnsure, tooLate } from "./errors.ts";
import { isJobId, jobLine, newJobId } from "./job_start.ts";
import { JobRecords } from "./records.ts";
import { listLine, removeLine } from "./list_script.ts";
import { MAX_MATCHES, measureLine, readLine, SPARE_BYTES } from "./read_script.ts";
import { stopLine } from "./stop_script.ts";

/** What {@linkcode HostJobs} needs. */
export interface JobsContext {
  readonly settings: JobSettings;
  /** Max time for an answer of the host, in addition to the time that a call waits. */
  readonly limitMs: number;
  /** Starts a command line on the host. @throws RemoteExecError if nothing of ours may run there */
  start(line: string, signal: AbortSignal): Promise<StartedCommand>;
  /** Prepares a command of root; undefined where no job is started. */
  root?(command: Pick<JobRequest, "command" | "graceMs">, signal: AbortSignal): Promise<RootJob>;
}

/** Max time that a command which must not be killed has for its end. */
const MAX_STOP_MS = 120_000;

/** After a command, this long passes before the sweep, so that it delays nothing. */
const SWEEP_AFTER_MS = 2_000;
/** Time between two sweeps. */
const SWEEP_EVERY_MS = 600_000;

const NONE: ReadonlySet<string> = new Set();

/** Starts, reads, lists and stops jobs on the host. All state is there. */
export class HostJobs {
  readonly #context: JobsContext;
  #nextSweepMs = 0;

  constructor(context: JobsContext) {
    this.#context = context;
  }

  /**
   * Starts a job and returns what it prints at once. If it is not known whether the job was started, the error
   * names its ID; a cancelled start is stopped.
   */
  async start(request: JobRequest, signal: AbortSignal): Promise<StartedJob> {
    const id = newJobId();
    const root = request.sudo ? await this.#context.root?.(request, signal) : undefined;
    const line = jobLine(id, request, this.#context.settings, undefined, root);
    let isOpen = false;
    try {
      return await this.#run(line, signal, (stream, next) => {
        isOpen = true;
        if (root?.input !== undefined) stream.write(new TextEncoder().encode(root.input));
        return readStart(stream, next, root);
      });
    } catch (error) {
      if (signal.aborted) this.stop(id, new AbortController().signal).catch(() => {});
      throw startUnsure(error, id, isOpen);
    }
  }

  async read(read: JobRead, signal: AbortSignal): Promise<JobPage> {
    checkId(read.id);
    const maxBytes = read.maxBytes + SPARE_BYTES;
    const page = await this.#run(readLine(read), signal, async (stream, next) => {
      const records = new JobRecords();
      for (let text = await next();; text = await next()) {
        if (text === "E missing") throw jobNotFound(read.id);
        if (text === "E pattern") throw patternRefused(read.grep ?? "");
        if (text.startsWith("D ")) {
          const [facts] = records.jobs;
          if (facts === undefined) throw jobNotFound(read.id);
          return { facts, next: Number(text.slice(2)), bytes: await readRest(stream, maxBytes) };
        }
        records.add(text);
      }
    }, read.waitMs);
    if (read.grep === undefined) {
      const isCut = read.tailLines !== undefined && page.bytes.length >= read.maxBytes;
      return isCut ? { ...page, bytes: fromCharacter(page.bytes) } : page;
    }
    return read.tailLines === undefined
      ? await this.#cutMatches(read, page, signal)
      : { ...page, bytes: lastThatFit(page.bytes, read.maxBytes) };
  }

  async list(signal: AbortSignal): Promise<JobFacts[]> {
    const { sweeps, keepMs } = this.#context.settings;
    const records = await this.#run(listLine(sweeps), signal, async (_, next) => {
      const records = new JobRecords();
      for (let text = await next();; text = await next()) {
        records.add(text);
        if (text.startsWith("T ")) return records;
      }
    });
    const removed = sweeps ? await this.#remove(records.expired(keepMs), signal) : NONE;
    return records.jobs.filter(({ id }) => !removed.has(id));
  }

  /**
   * Removes jobs that ended long ago, in a while, unless that was done not long ago. Nobody waits for it.
   *
   * @param isFree reports whether the login is known to be free by then
   */
  sweepLater(isFree: () => boolean): void {
    const now = performance.now();
    if (now < this.#nextSweepMs || !this.#context.settings.sweeps) return;
    this.#nextSweepMs = now + SWEEP_EVERY_MS;
    delay(SWEEP_AFTER_MS)
      .then(async () => isFree() ? await this.list(new AbortController().signal) : undefined)
      .catch(() => {}); // the next list of jobs sweeps too
  }

  /** Returns the jobs that the host has removed. */
  async #remove(ids: readonly string[], signal: AbortSignal): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return NONE;
    const keepSeconds = Math.floor(this.#context.settings.keepMs / 1000);
    return await this.#run(removeLine(ids, keepSeconds), signal, async (_, next) => {
      const removed = new Set<string>();
      for (let text = await next(); text !== "."; text = await next()) removed.add(text);
      return removed;
    });
  }

  async stop(id: string, signal: AbortSignal): Promise<StoppedJob> {
    checkId(id);
    return await this.#run(stopLine(id), signal, async (_, next) => {
      const records = new JobRecords();
      for (let text = await next();; text = await next()) {
        if (text === "E missing") throw jobNotFound(id);
        records.add(text);
        if (!text.startsWith("P ")) continue;
        const [facts] = records.jobs;
        if (facts === undefined) throw jobNotFound(id);
        const { vmid, state, exitCode } = facts;
        const isLeftInVm = vmid !== undefined && state !== "exited" && exitCode === NOT_STOPPED;
        return { facts, processEnded: text === "P 0" && !isLeftInVm };
      }
    }, MAX_STOP_MS);
  }

  /** Removes the line numbers of a search, and lines over the limits. */
  async #cutMatches(read: JobRead, page: JobPage, signal: AbortSignal): Promise<JobPage> {
    const found = cutMatches(page.bytes, read.maxBytes);
    if (found.firstLeftOut === undefined) return { ...page, bytes: found.bytes };
    const line = measureLine(read, found.firstLeftOut - 1);
    const skipped = await this.#run(line, signal, async (_, next) => Number(await next()));
    return { ...page, bytes: found.bytes, next: read.from + skipped };
  }

  async #run<T>(
    line: string,
    signal: AbortSignal,
    use: (stream: CommandStream, next: () => Promise<string>) => Promise<T>,
    waitMs = 0,
  ): Promise<T> {
    const command = await this.#context.start(line, signal);
    const stream = new CommandStream(command);
    const next = async () => {
      const text = await stream.readLine();
      if (text === undefined) throw connectionLost("a call about jobs");
      return text;
    };
    try {
      const limitMs = this.#context.limitMs + waitMs;
      return await deadline(use(stream, next), limitMs, {
        signal: cancelling(signal),
        late: tooLate,
      });
    } finally {
      await stream.close();
    }
  }
}

/** Reads the answer to the start of a job. */
async function readStart(
  stream: CommandStream,
  next: () => Promise<string>,
  root: RootJob | undefined,
): Promise<StartedJob> {
  let before = "";
  const records = new JobRecords();
  const output = { O: [] as Uint8Array[], R: [] as Uint8Array[] };
  for (let text = await next(); text !== "."; text = await next()) {
    const [word = "", size = "", skipped = ""] = text.split(" ");
    if (word === "E") throw startFailed(text.slice(2));
    if (word === "O" || word === "R") output[word].push(await readBytes(stream, Number(size)));
    else if (word === "P" || word === "Q") {
      const bytes = await readBytes(stream, Number(skipped));
      if (word === "Q" && size === "0") before = new TextDecoder().decode(bytes);
    } else if (word !== "K") records.add(text);
  }
  const [facts] = records.jobs;
  if (facts === undefined) throw connectionLost("the start of the job");
  if (root !== undefined && facts.state === "exited" && isRefused(before, root)) {
    throw root.refused(before);
  }
  return { facts, stdout: joined(output.O), stderr: joined(output.R) };
}

/** sudo has begun and not started the command. */
const isRefused = (before: string, { token, mark }: RootJob): boolean =>
  before.includes(token) && !before.includes(mark);

function checkId(id: string): void {
  if (!isJobId(id)) throw jobNotFound(id);
}

/** Reads exactly `size` bytes. */
export async function readBytes(stream: CommandStream, size: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let left = size; left > 0;) {
    const chunk = await stream.read(left);
    if (chunk === undefined) throw connectionLost("reading a job's output");
    chunks.push(chunk);
    left -= chunk.length;
  }
  return joined(chunks);
}

/** Reads to the end, or as much as the host may send. */
async function readRest(stream: CommandStream, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let left = maxBytes; left > 0;) {
    const chunk = await stream.read(left);
    if (chunk === undefined) {
      if (await stream.exitCode() === undefined) throw connectionLost("reading a job's output");
      break;
    }
    chunks.push(chunk);
    left -= chunk.length;
  }
  return joined(chunks);
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/**
 * Removes the numbers from the lines of `grep -n` and keeps what fits in `maxBytes`, at least a part of the
 * first line. `firstLeftOut` is the number of the first line that does not fit.
 */
export function cutMatches(
  output: Uint8Array,
  maxBytes: number,
): { readonly bytes: Uint8Array; readonly firstLeftOut: number | undefined } {
  const kept: Uint8Array[] = [];
  let bytes = 0;
  let last = 0;
  for (let start = 0; start < output.length;) {
    const newline = output.indexOf(10, start);
    const end = newline < 0 ? output.length : newline + 1;
    const isCut = newline < 0 && output.length >= maxBytes + SPARE_BYTES;
    const colon = output.indexOf(58, start);
    // Not even its number is complete.
    if (isCut && colon < 0) return { bytes: joined(kept), firstLeftOut: last + 1 };
    const number = Number(new TextDecoder().decode(output.subarray(start, colon)));
    const line = output.subarray(colon + 1, end);
    const isOver = kept.length === MAX_MATCHES || bytes + line.length > maxBytes;
    if (isOver && kept.length > 0) return { bytes: joined(kept), firstLeftOut: number };
    kept.push(line.subarray(0, maxBytes));
    if (isCut) return { bytes: joined(kept), firstLeftOut: number + 1 };
    bytes += line.length;
    last = number;
    start = end;
  }
  return { bytes: joined(kept), firstLeftOut: undefined };
}

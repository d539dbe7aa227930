import { type Clock, waitingClock } from "../../async/clock.ts";
import { every } from "../../async/every.ts";
import type { LongCall, LongCalls } from "../../mcp/long_calls.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { inTime } from "../../rpc/in_time.ts";
import type { SshPort } from "../port.ts";
import { pageOf } from "./page.ts";
import type {
  JobFacts,
  JobPage,
  JobRead,
  JobRequest,
  SshJobsPort,
  StartedJob,
  StoppedJob,
} from "./port.ts";

/** The calls of the ssh worker that jobs need. */
export type JobsPort = SshJobsPort & Pick<SshPort, "readKept">;

const PROGRESS_MS = 1_000;
/** How long a stop of work in this server is waited for. */
const STOP_MS = 10_000;

/**
 * Jobs on the host, calls of this server that go on, and outputs that were cut in their answers. The
 * beginning of an ID says which: `srv-` a call, `out-` an output, anything else a job on the host.
 */
export class JobsService {
  readonly #port: JobsPort;
  readonly #calls: LongCalls;
  readonly #clock: Clock;

  constructor(port: JobsPort, calls: LongCalls, clock: Clock = waitingClock) {
    this.#port = port;
    this.#calls = calls;
    this.#clock = clock;
  }

  /** Starts a job on the host. @throws RemoteExecError */
  async start(request: JobRequest, signal: AbortSignal): Promise<StartedJob> {
    return await inTime(signal, undefined, this.#port.startJob(request, signal));
  }

  /** Reads a part of an output; waits for new output or the end. @throws RemoteExecError `not_found` */
  async read(read: JobRead, { signal, progress }: ToolContext): Promise<JobPage> {
    using _ = this.#reporting(`Waiting for job ${read.id}`, progress);
    if (read.id.startsWith("srv-")) return await this.#readCall(read, signal);
    const page = read.id.startsWith("out-")
      ? this.#port.readKept(read)
      : this.#port.readJob(read, signal);
    return await inTime(signal, undefined, page);
  }

  /** Lists all jobs, oldest first. @throws RemoteExecError if the host cannot be asked */
  async list(signal: AbortSignal): Promise<JobFacts[]> {
    const jobs = await inTime(signal, undefined, this.#port.listJobs(signal));
    return [...jobs, ...this.#calls.list().map(factsOf)]
      .sort((a, b) => a.startedAtMs - b.startedAtMs);
  }

  /** Stops a job and waits for the end of its processes. @throws RemoteExecError `not_found` */
  async stop(id: string, context: ToolContext): Promise<StoppedJob> {
    const { signal, progress } = context;
    using _ = this.#reporting(`Stopping job ${id}`, progress);
    if (id.startsWith("srv-")) {
      const call = await this.#calls.stop(id, STOP_MS);
      return { facts: factsOf(call), processEnded: call.state !== "running" };
    }
    if (id.startsWith("out-")) {
      const { facts } = await this.read({ ...START, id }, context);
      return { facts, processEnded: true };
    }
    return await inTime(signal, undefined, this.#port.stopJob(id, signal));
  }

  /** Reports that a call goes on, in seconds, until the result is disposed of. */
  #reporting(message: string, progress: ToolContext["progress"]): Disposable {
    let seconds = 0;
    const stop = progress === undefined
      ? () => {}
      : every(this.#clock, PROGRESS_MS, () => progress({ progress: ++seconds, message }));
    return { [Symbol.dispose]: stop };
  }

  async #readCall(read: JobRead, signal: AbortSignal): Promise<JobPage> {
    await this.#calls.wait(read.id, read.waitMs, signal);
    const call = this.#calls.get(read.id);
    const output = read.stream === "stdout" ? new TextEncoder().encode(call.text) : NOTHING;
    return { ...pageOf(output, read), facts: factsOf(call) };
  }
}

const NOTHING = new Uint8Array();
const START = { stream: "stdout", from: 0, maxBytes: 1, waitMs: 0 } as const;

/** The result of a call counts as its stdout, and its success as exit code 0. */
function factsOf(call: LongCall): JobFacts {
  const { id, shown: command, state, startedAtMs, runtimeMs, text, hasFailed } = call;
  return {
    ...{ id, command, state, startedAtMs, runtimeMs },
    exitCode: state !== "exited" ? null : hasFailed ? 1 : 0,
    signal: null,
    stdoutBytes: new TextEncoder().encode(text).length,
    stderrBytes: 0,
    droppedBytes: 0,
    maxRuntimeMs: 0,
  };
}

import { RemoteExecError } from "../../../src/errors.ts";
import { pageOf } from "../../../src/ssh/jobs/page.ts";
import type { JobFacts, JobRead, JobRequest } from "../../../src/ssh/jobs/port.ts";
import type { JobsPort } from "../../../src/ssh/jobs/service.ts";

/** A job of the fake host; tests change it as they like. */
export interface FakeJob {
  facts: JobFacts;
  stdout: string;
  stderr: string;
}

/** The calls about jobs, on jobs that exist in memory only. */
export class FakeJobs implements JobsPort {
  readonly jobs = new Map<string, FakeJob>();
  readonly requests: JobRequest[] = [];
  /** Whether a started job is over at once, as one may be that ends while it is reported. */
  endsAtOnce = false;
  /** Processes of a stopped job that KILL has not ended. */
  left = 0;
  readonly reads: JobRead[] = [];

  /** Adds a job that runs. */
  add(
    id: string,
    job: Partial<Omit<FakeJob, "facts">> & { readonly facts?: Partial<JobFacts> } = {},
  ): FakeJob {
    const { stdout = "", stderr = "", facts = {} } = job;
    const added: FakeJob = {
      stdout,
      stderr,
      facts: { ...RUNNING, id, ...facts },
    };
    this.jobs.set(id, added);
    return added;
  }

  startJob(request: JobRequest) {
    this.requests.push(request);
    const { shown: command, maxRuntimeMs, name, ctid } = request;
    const job = this.add(`job${this.requests.length}`, {
      stdout: "first\n",
      facts: {
        ...{ command, maxRuntimeMs },
        ...(name === undefined ? {} : { name }),
        ...(ctid === undefined ? {} : { ctid }),
        ...(this.endsAtOnce ? { state: "exited", exitCode: 0 } : {}),
      },
    });
    const encode = (text: string) => new TextEncoder().encode(text);
    return Promise.resolve({
      facts: job.facts,
      stdout: encode(job.stdout),
      stderr: encode(job.stderr),
    });
  }

  readJob(read: JobRead) {
    this.reads.push(read);
    const job = this.#find(read.id);
    return Promise.resolve({
      ...pageOf(new TextEncoder().encode(job[read.stream]), read),
      facts: this.#facts(job),
    });
  }

  readonly readKept = (read: JobRead) => this.readJob(read);

  listJobs() {
    return Promise.resolve([...this.jobs.values()].map((job) => this.#facts(job)));
  }

  stopJob(id: string) {
    const job = this.#find(id);
    const isRunning = job.facts.state === "running";
    if (isRunning) job.facts = { ...job.facts, state: "stopped", signal: "TERM" };
    return Promise.resolve({ facts: this.#facts(job), processEnded: this.left === 0 });
  }

  #facts({ facts, stdout, stderr }: FakeJob): JobFacts {
    const bytes = (text: string) => new TextEncoder().encode(text).length;
    return { ...facts, stdoutBytes: bytes(stdout), stderrBytes: bytes(stderr) };
  }

  #find(id: string): FakeJob {
    const job = this.jobs.get(id);
    if (job !== undefined) return job;
    throw new RemoteExecError("not_found", `There is no job ${id}`, "List the jobs");
  }
}

const RUNNING: JobFacts = {
  id: "",
  command: "make all",
  state: "running",
  startedAtMs: Date.parse("2026-03-01T12:00:00Z"),
  runtimeMs: 61_000,
  exitCode: null,
  signal: null,
  stdoutBytes: 0,
  stderrBytes: 0,
  droppedBytes: 0,
  maxRuntimeMs: 86_400_000,
};

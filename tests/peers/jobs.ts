import type { JobFacts, JobRead, JobRequest, StartedJob } from "../../src/ssh/jobs/port.ts";
import { type TestSession, until } from "./openssh.ts";
import { aliveWithText } from "./processes.ts";

const { signal } = new AbortController();

/** Starts a job with default limits. */
export const startJob = (
  { host }: TestSession,
  command: string,
  request: Partial<JobRequest> = {},
): Promise<StartedJob> =>
  host.jobs.start({ command, shown: command, maxRuntimeMs: 600_000, ...request }, signal);

/** Reads a part of a job's output as text. */
export async function readJob(
  { host }: TestSession,
  id: string,
  read: Partial<JobRead> = {},
): Promise<{ readonly text: string; readonly next: number; readonly facts: JobFacts }> {
  const { bytes, next, facts } = await host.jobs.read(
    { id, stream: "stdout", from: 0, maxBytes: 100_000, waitMs: 0, ...read },
    signal,
  );
  return { text: new TextDecoder().decode(bytes), next, facts };
}

/** Waits for the end of a job and returns its facts and all of a stream. */
export async function finishedJob(
  session: TestSession,
  id: string,
  stream: JobRead["stream"] = "stdout",
): Promise<{ readonly text: string; readonly facts: JobFacts }> {
  let all = "";
  for (let from = 0;;) {
    const { text, next, facts } = await readJob(session, id, { stream, from, waitMs: 30_000 });
    all += text;
    if (next === from && facts.state !== "running") return { text: all, facts };
    from = next;
  }
}

/** Returns the states of all jobs, in the order of their start. */
export async function jobStates({ host }: TestSession): Promise<string[]> {
  return (await host.jobs.list(signal)).map(({ state }) => state);
}

/** In the command line of a script that runs a job. */
const SCRIPT = /j_(dir|stat)/;

/** Returns the running processes of a job's command. The scripts around it have the tag in their text too. */
export const commandsOf = (tag: string): number[] =>
  aliveWithText((text) => text.includes(tag) && !SCRIPT.test(text));

/** Waits until processes of a job's command run. */
export const untilRunning = (tag: string, count = 1): Promise<void> =>
  until(`${count} processes of ${tag}`, () => commandsOf(tag).length >= count, 30_000);

/** Waits until no process of a job's command runs. */
export const untilStopped = (tag: string): Promise<void> =>
  until(`the end of ${tag}`, () => commandsOf(tag).length === 0, 30_000);

/** Returns the processes that run jobs of a test server. */
export const runnersOf = (marker: string): number[] =>
  aliveWithText((text) => text.includes(marker) && SCRIPT.test(text));

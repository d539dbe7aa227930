import type { ExecOutcome, ExecRequest } from "../../src/ssh/port.ts";
import { FakeClock } from "./fake_clock.ts";
import { type SessionOptions, type SessionPlace, sessionTest } from "./session.ts";
import { until } from "./until.ts";

/** A limit that only a clock of the test reaches. */
const TIMEOUT_MS = 1_000_000_000;
/** Commands report progress this often. */
const PROGRESS_MS = 1_000;

/** A place whose commands expire when the test says so. */
export interface TimedPlace extends SessionPlace {
  readonly clock: FakeClock;
  /** Starts a command and waits until it has printed something. */
  started(command: string, request?: TimedRequest): Promise<RunningCommand>;
  /** Lets the time limits of all commands expire. */
  expire(): void;
}

/** A request without its time limit. */
export interface TimedRequest extends Partial<ExecRequest> {
  readonly signal?: AbortSignal;
}

/** A command that has printed something. */
export interface RunningCommand {
  readonly outcome: Promise<ExecOutcome>;
}

/** Registers a test like `sessionTest()`, whose commands expire when the test says so. */
export function timedTest(
  name: string,
  run: (place: TimedPlace) => Promise<void>,
  options: SessionOptions = {},
): void {
  const clock = new FakeClock();
  sessionTest(name, (place) => {
    const expire = () => clock.advance(TIMEOUT_MS);
    const started: TimedPlace["started"] = async (command, { signal, ...request } = {}) => {
      let bytes = 0;
      const outcome = place.session.exec(
        { command, timeoutMs: TIMEOUT_MS, ...request },
        signal ?? new AbortController().signal,
        (step) => bytes = step.bytes,
      );
      outcome.catch(() => {}); // the caller awaits it
      await until("the output of a command", () => {
        clock.advance(PROGRESS_MS);
        return bytes > 0;
      });
      return { outcome };
    };
    return run({ ...place, clock, started, expire });
  }, { ...options, clock });
}

import { cancelling } from "../async/cancelling.ts";
import type { Clock } from "../async/clock.ts";
import { delay } from "../async/delay.ts";
import type { ToolContext } from "../mcp/tool.ts";
import { haPending, otherState, unreadable } from "./errors.ts";
import { type Guest, programOf } from "./guest.ts";
import type { ProxmoxHost } from "./host.ts";
import { explain } from "./locate.ts";
import { parseHaRequest, parsePid, parseStatus, parseWarnings } from "./pct.ts";

const STATUS_MS = 30_000;
const HA_POLL_MS = 1_000;

/** A command that brings a guest into another state. */
export interface Change {
  /** The subcommand of `pct` or `qm`, like `start`. */
  readonly verb: string;
  /** Its options, behind the guest's number. */
  readonly options?: readonly string[];
  /** As errors name it: "Starting container 101". */
  readonly action: string;
  /** The state that it must have afterwards. */
  readonly wanted: "running" | "stopped";
  /** It is in that state before as well, and must have been out of it. */
  readonly restarts?: boolean;
  /** For the command, and for HA to carry it out. */
  readonly timeoutMs: number;
}

/** What a change has led to; the state was read back. */
export interface Changed {
  /** HA was asked for it and has done it. */
  readonly byHa: boolean;
  readonly warnings: readonly string[];
}

/** Reads and changes the state of guests of both kinds. */
export class Lifecycle {
  readonly #host: ProxmoxHost;
  readonly #clock: Clock;

  constructor(host: ProxmoxHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  /** `running`, `stopped`, and for VMs also `paused` and others. @throws RemoteExecError */
  async status(guest: Guest, context: ToolContext): Promise<string> {
    const action = "Reading the status";
    const answer = await this.#host.run(
      [programOf(guest), "status", String(guest.id)],
      { ...context, action, timeoutMs: STATUS_MS },
    );
    if (answer.code !== 0) throw await explain(this.#host, guest, action, answer, context);
    const status = parseStatus(answer.stdout);
    if (status === undefined) throw unreadable(programOf(guest), answer.stdout.slice(0, 100));
    return status;
  }

  /**
   * Carries out a change and reads the state back: an exit code of 0 is not believed. For a guest that HA
   * manages the command only asks; the change is waited for.
   *
   * @throws RemoteExecError
   */
  async change(guest: Guest, change: Change, context: ToolContext): Promise<Changed> {
    const { verb, options = [], action, timeoutMs } = change;
    const deadline = this.#clock.now() + timeoutMs;
    const before = change.restarts ? await this.#pid(guest, context) : undefined;
    const answer = await this.#host.task(
      [programOf(guest), verb, String(guest.id), ...options],
      { ...context, action, timeoutMs },
    );
    if (answer.code !== 0) throw await explain(this.#host, guest, action, answer, context);
    const byHa = parseHaRequest(answer.stdout) !== undefined;
    if (byHa) await this.#awaitHa(guest, change, deadline, context);
    else await this.#confirm(guest, change, context);
    if (before !== undefined && before === await this.#pid(guest, context)) {
      throw otherState(guest, action, "running as before");
    }
    return { byHa, warnings: parseWarnings(answer.stdout) };
  }

  /** Undefined of a guest that does not run, and of one that is not here. */
  async #pid(guest: Guest, context: ToolContext): Promise<string | undefined> {
    const { stdout } = await this.#host.run(
      [programOf(guest), "status", String(guest.id), "--verbose"],
      { ...context, action: "Reading the status", timeoutMs: STATUS_MS },
    );
    return parsePid(stdout);
  }

  async #confirm(guest: Guest, { wanted, action }: Change, context: ToolContext): Promise<void> {
    const state = await this.status(guest, context);
    if (state !== wanted) throw otherState(guest, action, state);
  }

  async #awaitHa(
    guest: Guest,
    { wanted, action, timeoutMs }: Change,
    deadline: number,
    context: ToolContext,
  ): Promise<void> {
    for (let polls = 1;; polls++) {
      const state = await this.status(guest, { signal: context.signal, progress: undefined });
      if (state === wanted) return;
      if (this.#clock.now() >= deadline) throw haPending(guest, action, timeoutMs / 1000, state);
      context.progress?.({ progress: polls, message: `${action}: waiting for HA` });
      await delay(HA_POLL_MS, { clock: this.#clock, signal: cancelling(context.signal) });
    }
  }
}

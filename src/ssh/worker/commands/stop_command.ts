// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import type { Guard, ProcessMark } from "./guard.ts";
import { valueWithin } from "../../../async/deadline.ts";
import { delay } from "../../../async/delay.ts";
import { sendSignal } from "../connection/ssh2_patches.ts";

/** How long the guard takes at most, beyond what the command gets. */
const GUARD_MS = 4_000;

/** The guard's word for a process that leads no session. */
const NO_LEADER = -1;
/**
 * sshd's child leads its session only a moment after it was forked, and before that no signal finds it
 * either: its process group is not there yet. Source: session.c do_exec_no_pty, session_signal_req.
 */
const YOUNG_MS = 30;
const YOUNG_TURNS = 10;

/** What a command's end goes through. */
export interface StopContext {
  /** Undefined when the host has none. */
  readonly guard: Guard | undefined;
  readonly order: ProcessOrder;
  readonly isAlive: () => boolean;
  /** For a command that is not killed: how long its end is waited for. */
  readonly graceMs: number | undefined;
}

/** Ends a command on the host, by the guard if that can tell its process. True when its end is confirmed. */
export async function stopCommand(
  channel: ClientChannel,
  { guard, order, isAlive, graceMs }: StopContext,
): Promise<boolean> {
  const mark = guard && await order.identify(channel, guard);
  if (mark === "ended") return true;
  const left = guard && mark ? await stopByGuard(guard, mark, graceMs) : undefined;
  if (left !== undefined && left >= 0) return left === 0;
  // The guard has no answer, but it was told: whoever has waited for so long does not wait again.
  if (left === undefined && mark !== undefined && graceMs !== undefined) return false;
  const closed = await stopBySignals(channel, isAlive, graceMs);
  // KILL reaches one process group and no more is known of the others. Who is told to stop waits for his own.
  return graceMs !== undefined && closed && !order.isRunning(channel);
}

/** Processes that are left, or what else the guard says; see {@linkcode Guard.end}. */
async function stopByGuard(
  guard: Guard,
  mark: ProcessMark,
  graceMs: number | undefined,
): Promise<number | undefined> {
  for (let turn = 0;; turn++) {
    const left = await guard.end(mark, GUARD_MS, graceMs);
    if (left !== NO_LEADER || turn === YOUNG_TURNS) return left;
    await delay(YOUNG_MS);
  }
}

/** How long a signal may take to show. */
const SIGNAL_MS = 1_000;

/**
 * Kills the command's process group, or with `graceMs` only tells it to stop and waits for so long; false
 * when the channel does not close upon that.
 *
 * There is no time for a clean end after TERM: when the shell has ended by it the channel is closed, and
 * nothing reaches a child any more that ignores TERM and whose output goes elsewhere.
 */
export async function stopBySignals(
  channel: ClientChannel,
  isAlive: () => boolean,
  graceMs?: number,
): Promise<boolean> {
  const closed = new Promise<true>((resolve) => channel.once("close", () => resolve(true)));
  if (!isAlive()) return false;
  sendSignal(channel, graceMs === undefined ? "KILL" : "TERM");
  return await valueWithin(closed, graceMs ?? SIGNAL_MS) ?? false;
}

/** Under load many commands may end one after the other, each of which spoils one list. */
const LISTS_MS = 2_000;
/** A list lacks a process whose end is told next; one that goes on lacking it is not to be trusted. */
const MOST_SHORT_LISTS = 8;

/**
 * Tells which process of the host belongs to which channel of one connection: the host starts them in
 * the order in which it answers the requests, and tells of each one that ends.
 */
export class ProcessOrder {
  #started: object[] = [];
  #endings = 0;

  /** @param onUnknownEnd called when a channel closes without a word on its process */
  track(channel: ClientChannel, onUnknownEnd: () => void): void {
    this.#started.push(channel);
    channel.on("exit", () => this.#ended(channel));
    channel.on("close", () => {
      if (this.#started.includes(channel)) onUnknownEnd();
    });
  }

  /** A session whose process lives as long as its connection, such as SFTP. */
  trackForever(session: object): void {
    this.#started.push(session);
  }

  /** Has the host not yet told of its end? */
  isRunning(channel: ClientChannel): boolean {
    return this.#started.includes(channel);
  }

  /** The channel's process; undefined when that cannot be told for sure. */
  async identify(channel: ClientChannel, guard: Guard): Promise<ProcessMark | "ended" | undefined> {
    let tooShort = 0;
    const startedAt = performance.now();
    while (tooShort < MOST_SHORT_LISTS && performance.now() - startedAt < LISTS_MS) {
      const endings = this.#endings;
      const marks = await guard.list(3_000);
      if (marks === undefined) return undefined;
      const index = this.#started.indexOf(channel);
      if (index < 0) return "ended";
      // The guard knows its own process: if that one is not where it should be, nothing is.
      if (marks[0]?.split(":")[0] !== guard.pid) return undefined;
      // An end between question and answer leaves open whether the list still has that process.
      // Later ones may be in the list before their request was answered, so it may be longer.
      if (endings !== this.#endings) continue;
      if (marks.length >= this.#started.length) return marks[index];
      tooShort++;
    }
    return undefined;
  }

  #ended(channel: ClientChannel): void {
    const index = this.#started.indexOf(channel);
    if (index < 0) return;
    this.#started.splice(index, 1);
    this.#endings++;
  }
}

// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import type { Guard, ProcessMark } from "./guard.ts";
import { valueWithin } from "../../../async/deadline.ts";
import { delay } from "../../../async/delay.ts";
import { sendSignal } from "../connection/ssh2_patches.ts";

/** Max time for the guard's answer, in addition to the time that the command gets; more on a busy host. */
const GUARD_MS = 4_000;
/** Max time until a signal closes the channel. */
const SIGNAL_MS = 1_000;

/** The guard's answer for a process that does not lead a session. */
const NO_LEADER = -1;
/**
 * sshd's child becomes a session leader shortly after the fork. Until then signals do not reach it
 * either, because its process group does not exist yet.
 * Source: OpenSSH session.c do_exec_no_pty, session_signal_req.
 */
const NO_LEADER_DELAY_MS = 30;
const NO_LEADER_RETRIES = 10;

/** Max time for identifying a process: under load many commands may end, and each end spoils one list. */
const IDENTIFY_MS = 10_000;
/** A list may miss a process whose exit is reported next; after this many such lists none is trusted. */
const MAX_SHORT_LISTS = 8;

/** What {@linkcode stopCommand} needs from the command's connection. */
export interface StopContext {
  /** Undefined if the host has none. */
  readonly guard: Guard | undefined;
  readonly order: ProcessOrder;
  readonly isAlive: () => boolean;
  /** For a command that must not be killed: how long to wait for its end. */
  readonly graceMs: number | undefined;
}

/**
 * Stops a command on the host: by the guard if it can identify the command's process, else by signals.
 * Returns true if the end of all its processes is confirmed.
 */
export async function stopCommand(
  channel: ClientChannel,
  { guard, order, isAlive, graceMs }: StopContext,
): Promise<boolean> {
  const mark = guard && await order.identify(channel, guard);
  if (mark === "ended") return true;
  const left = guard && mark ? await stopByGuard(guard, mark, graceMs) : undefined;
  if (left !== undefined && left >= 0) return left === 0;
  // The guard did not answer but has sent TERM, and the grace time has passed: do not wait again.
  if (left === undefined && mark !== undefined && graceMs !== undefined) return false;
  const closed = await stopBySignals(channel, isAlive, graceMs);
  // KILL reaches only one process group, so nothing is confirmed. A command with `graceMs` waits for its
  // own children (see termOnlyCommand), so its exit is the end of all.
  return graceMs !== undefined && closed && !order.isRunning(channel);
}

/** Returns the answer of {@linkcode Guard.end}; retries while the process is not a session leader yet. */
async function stopByGuard(
  guard: Guard,
  mark: ProcessMark,
  graceMs: number | undefined,
): Promise<number | undefined> {
  for (let turn = 0;; turn++) {
    const left = await guard.end(mark, GUARD_MS, graceMs);
    if (left !== NO_LEADER || turn === NO_LEADER_RETRIES) return left;
    await delay(NO_LEADER_DELAY_MS);
  }
}

/**
 * Kills the command's process group, or sends only TERM if `graceMs` is set. Returns true if the channel
 * closes in time.
 *
 * KILL comes at once, without TERM before it: TERM may end the shell and thereby close the channel,
 * and then no signal can reach a child that ignored TERM and redirected its output.
 */
async function stopBySignals(
  channel: ClientChannel,
  isAlive: () => boolean,
  graceMs?: number,
): Promise<boolean> {
  const closed = new Promise<true>((resolve) => channel.once("close", () => resolve(true)));
  if (!isAlive()) return false;
  sendSignal(channel, graceMs === undefined ? "KILL" : "TERM");
  return await valueWithin(closed, graceMs ?? SIGNAL_MS) ?? false;
}

/**
 * Maps the channels of one connection to processes on the host: the host starts processes in the order
 * in which it answers the requests, and reports the exit of each.
 */
export class ProcessOrder {
  #started: object[] = [];
  #guard: object | undefined;
  #endings = 0;

  /** @param onUnknownEnd called if a channel closes and the host has not reported its process's exit */
  track(channel: ClientChannel, onUnknownEnd: () => void): void {
    this.#started.push(channel);
    channel.on("exit", () => this.#ended(channel));
    channel.on("close", () => {
      if (this.#started.includes(channel)) onUnknownEnd();
    });
  }

  /** Removes a channel whose end the host has not reported. Only for connections without a guard. */
  forget(channel: ClientChannel): void {
    this.#ended(channel);
  }

  /** Names the guard's channel among the tracked ones; otherwise it is the first. */
  guardIs(channel: ClientChannel): void {
    this.#guard = channel;
  }

  /** Adds a session whose process lives as long as the connection, such as SFTP. */
  trackForever(session: object): void {
    this.#started.push(session);
  }

  /** Returns true until the host reports the exit of the channel's process. */
  isRunning(channel: ClientChannel): boolean {
    return this.#started.includes(channel);
  }

  /** Returns the channel's process, or undefined if it cannot be identified for certain. */
  async identify(channel: ClientChannel, guard: Guard): Promise<ProcessMark | "ended" | undefined> {
    let tooShort = 0;
    const startedAt = performance.now();
    while (tooShort < MAX_SHORT_LISTS && performance.now() - startedAt < IDENTIFY_MS) {
      const endings = this.#endings;
      const marks = await guard.list(3_000);
      if (marks === undefined) return undefined;
      const index = this.#started.indexOf(channel);
      if (index < 0) return "ended";
      // If a process ended meanwhile, the list may or may not contain it. A longer list is fine: it may
      // already contain processes whose requests are not answered yet.
      if (endings !== this.#endings) continue;
      // If the guard is elsewhere in its own list, the order is wrong.
      const guardAt = this.#guard === undefined ? 0 : this.#started.indexOf(this.#guard);
      if (marks[guardAt]?.split(":")[0] !== guard.pid) return undefined;
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

// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import type { Guard, ProcessMark } from "./guard.ts";
import type { ProcessOrder } from "./process_order.ts";
import { endBySignals } from "./signals.ts";

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
export interface Ends {
  /** Undefined when the host has none. */
  readonly guard: Guard | undefined;
  readonly order: ProcessOrder;
  readonly isAlive: () => boolean;
  /** For a command that is not killed: how long its end is waited for. */
  readonly graceMs: number | undefined;
}

/** Ends a command on the host, by the guard if that can tell its process. True when its end is confirmed. */
export async function endCommand(
  channel: ClientChannel,
  { guard, order, isAlive, graceMs }: Ends,
): Promise<boolean> {
  const mark = guard && await order.identify(channel, guard);
  if (mark === "ended") return true;
  const left = guard && mark ? await endByGuard(guard, mark, graceMs) : undefined;
  if (left !== undefined && left >= 0) return left === 0;
  // The guard has no answer, but it was told: whoever has waited for so long does not wait again.
  if (left === undefined && mark !== undefined && graceMs !== undefined) return false;
  const closed = await endBySignals(channel, isAlive, graceMs);
  // KILL reaches one process group and no more is known of the others. Who is told to stop waits for his own.
  return graceMs !== undefined && closed && !order.isRunning(channel);
}

/** Processes that are left, or what else the guard says; see {@linkcode Guard.end}. */
async function endByGuard(
  guard: Guard,
  mark: ProcessMark,
  graceMs: number | undefined,
): Promise<number | undefined> {
  for (let turn = 0;; turn++) {
    const left = await guard.end(mark, GUARD_MS, graceMs);
    if (left !== NO_LEADER || turn === YOUNG_TURNS) return left;
    await new Promise((resolve) => setTimeout(resolve, YOUNG_MS));
  }
}

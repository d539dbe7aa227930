// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import type { Guard } from "./guard.ts";
import type { ProcessOrder } from "./process_order.ts";
import { endBySignals } from "./signals.ts";

/** How long the guard takes at most, beyond what the command gets. */
const GUARD_MS = 4_000;

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
  const left = mark === undefined ? undefined : await guard?.end(mark, GUARD_MS, graceMs);
  if (left !== undefined && left >= 0) return left === 0;
  // The guard has no answer, but it was told: whoever has waited for so long does not wait again.
  if (left === undefined && mark !== undefined && graceMs !== undefined) return false;
  const closed = await endBySignals(channel, isAlive, graceMs);
  // KILL reaches one process group and no more is known of the others. Who is told to stop waits for his own.
  return graceMs !== undefined && closed && !order.isRunning(channel);
}

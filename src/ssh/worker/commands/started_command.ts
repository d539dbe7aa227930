// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";

/** How a command's process ended, in the words of ssh2: `signal` like `SIGKILL`, then without a code. */
export interface CommandExit {
  readonly code: number | null;
  readonly signal: string | undefined;
}

/** Resolves with the end of a channel's process; never when the connection is lost before. */
export const exitOf = (channel: ClientChannel): Promise<CommandExit> =>
  new Promise((resolve) => {
    channel.once("exit", (code: number | null, signal?: string) => resolve({ code, signal }));
  });

/** A command that the host has started. */
export interface StartedCommand {
  readonly channel: ClientChannel;
  /**
   * Resolves when the host tells of its end; never when the connection is lost before. A listener
   * of one's own could come too late: the news may be in the same packet as that of the start.
   */
  readonly exited: Promise<CommandExit>;
  /** Ends it on the host; with `graceMs` without KILL. True when its end is confirmed. */
  end(graceMs?: number): Promise<boolean>;
  /** Has the host not yet told of its end? */
  running(): boolean;
  /** Waits until the host has sent all that was written before now; false without an answer. */
  settle(limitMs: number): Promise<boolean>;
  /** Gives the session back. A channel that others on the host still hold is drained meanwhile. */
  release(): void;
}

// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";

/** The exit of a command's process as ssh2 reports it: `code`, or `signal` such as `SIGKILL`. */
export interface CommandExit {
  readonly code: number | null;
  readonly signal: string | undefined;
}

/** Resolves with the exit of a channel's process; never settles if the connection is lost first. */
export const exitOf = (channel: ClientChannel): Promise<CommandExit> =>
  new Promise((resolve) => {
    channel.once("exit", (code: number | null, signal?: string) => resolve({ code, signal }));
  });

/** A command that the host has started. */
export interface StartedCommand {
  readonly channel: ClientChannel;
  /**
   * Resolves when the host reports the exit; never settles if the connection is lost first. Use this
   * and not an `exit` listener: start and exit may arrive in one packet, before a listener is added.
   */
  readonly exited: Promise<CommandExit>;
  /** Stops the command on the host, without KILL if `graceMs` is set. True if its end is confirmed. */
  end(graceMs?: number): Promise<boolean>;
  /** Returns true until the host reports the exit. */
  running(): boolean;
  /** Returns true as long as the connection of the command is open. */
  isConnected(): boolean;
  /** Waits until the host has sent everything written so far; false if it does not answer in time. */
  settle(limitMs: number): Promise<boolean>;
  /** Has the guard remove a file or directory if the connection ends before {@linkcode drop} is called for it. */
  keep(path: string): void;
  /** Cancels `keep`. */
  drop(path: string): void;
  /** Releases the SSH session. If other processes still hold the channel open, it is drained until it closes. */
  release(): void;
}

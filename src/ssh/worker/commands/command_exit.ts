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

import { errorText } from "../../../errors.ts";
import { waitingClock } from "../../../async/clock.ts";
import { every } from "../../../async/every.ts";
import type { Socket } from "node:net";
// @ts-types="@types/ssh2"
import type { Client, ClientChannel, SFTPWrapper } from "ssh2";

/** Why a session could not be opened. `sent` tells whether the command may have reached the host. */
export class SessionFailure extends Error {
  override readonly name = "SessionFailure";
  constructor(
    readonly reason: "full" | "gone" | "refused",
    readonly sent: boolean,
    cause: unknown,
  ) {
    super(errorText(cause), { cause });
  }
}

/** What ssh2's error of opening a session means. @param alive the connection still stands */
export function failureReason(error: Error, alive: boolean): SessionFailure["reason"] {
  if (/channel open failure/i.test(error.message)) return "full";
  return alive && !/no response|not connected/i.test(error.message) ? "refused" : "gone";
}

/** Has the connection as many sessions as the host allows? */
export const isFull = (error: unknown): boolean =>
  error instanceof SessionFailure && error.reason === "full";

/** Not even one session is allowed. */
export const noSessionsAllowed = () =>
  new SessionFailure("refused", false, "it allows no sessions (MaxSessions)");

/** OpenSSH's MaxSessions as it comes; learnt anew when the host allows fewer. */
const USUAL_SESSIONS = 10;

/**
 * OpenSSH frees a session only after it has read everything that came with the news of its end, so a
 * new one that comes right behind is refused. Source: measured on 9.2 with MaxSessions 1.
 */
const JUST_MS = 250;

/** What a refusal means: `later` it may work, `guard` it has to give way, `fewer` are allowed, `none` is. */
export type Refusal = "later" | "guard" | "fewer" | "none";

/** Counts the sessions of one connection and learns how many the host allows. */
export class SessionCount {
  #used = 0;
  #limit = USUAL_SESSIONS;
  #guards: 0 | 1 = 0;
  #freedAtMs = -Infinity;

  /** Nothing is open but the guard, if there is one. */
  get isIdle(): boolean {
    return this.#used <= this.#guards;
  }

  /** Takes a session if one is free. */
  take(): boolean {
    if (this.#used >= this.#limit) return false;
    this.#used++;
    return true;
  }

  /** For a session that was taken and never opened. */
  untake(): void {
    this.#used--;
  }

  giveBack(): void {
    this.#used--;
    this.#freedAtMs = performance.now();
  }

  takeForGuard(): void {
    this.#used++;
    this.#guards = 1;
  }

  giveBackGuard(): void {
    this.giveBack();
    this.#guards = 0;
  }

  /** To be called when the host refuses a session, before that one is given back. */
  refused(): Refusal {
    if (performance.now() - this.#freedAtMs < JUST_MS) return "later";
    if (this.#used === 1) return "none";
    const isGuardInTheWay = this.#used === 2 && this.#guards === 1;
    this.#limit = this.#used - 1;
    return isGuardInTheWay ? "guard" : "fewer";
  }
}

/** A host that says nothing at all for so long after a request is taken for gone. */
const SILENCE_MS = 3_000;

/** Calls `onSilence` once when not one byte arrives for a while; gives a function that stops watching. */
export function watchSilence(socket: Socket, onSilence: () => void): () => void {
  let seen = socket.bytesRead;
  const stop = every(waitingClock, SILENCE_MS, () => {
    if (!socket.destroyed && socket.bytesRead !== seen) {
      seen = socket.bytesRead;
      return;
    }
    stop();
    onSilence();
  });
  return stop;
}

/** What opening SFTP has to know of its connection. */
export interface SftpContext {
  /** Closes the connection when it says nothing; gives a function that stops watching. */
  watchSilence(onSilence: () => void): () => void;
  isAlive(): boolean;
  /** Called at once: its end may be in the same packet. */
  onStart(sftp: SFTPWrapper): void;
}

/** Opens an SFTP session. @throws SessionFailure */
export function requestSftp(
  client: Client,
  { watchSilence, isAlive, onStart }: SftpContext,
): Promise<SFTPWrapper> {
  const { promise, resolve, reject } = Promise.withResolvers<SFTPWrapper>();
  const fail = (reason: SessionFailure["reason"], cause: unknown) =>
    reject(new SessionFailure(reason, false, cause));
  const stopWatching = watchSilence(() => fail("gone", "the host does not answer"));
  try {
    client.sftp((error, sftp) => {
      if (error) return fail(failureReason(error, isAlive()), error);
      onStart(sftp);
      resolve(sftp);
    });
  } catch (error) {
    fail("gone", error);
  }
  return promise.finally(stopWatching);
}

/** Asks the SFTP session something to see whether it still answers. */
export async function isResponding(
  sftp: SFTPWrapper,
  watchSilence: SftpContext["watchSilence"],
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  // ssh2 leaves a request that comes just after the session's end without an answer.
  const stopWatching = watchSilence(() => resolve(false));
  const onClose = () => resolve(false);
  sftp.once("close", onClose);
  sftp.realpath(".", (error) => resolve(!error));
  return await promise.finally(() => {
    stopWatching();
    sftp.removeListener("close", onClose);
  });
}

/** Daemons that keep the output of an ended command open keep these many sessions, not more. */
const MAX_DRAINING = 3;

/** Channels of ended commands that others on the host still hold open; what they write is dropped. */
export class DrainingChannels {
  #channels: ClientChannel[] = [];

  /** Takes a channel over; `onClose` is called once it is closed. */
  add(channel: ClientChannel, onClose: () => void): void {
    // An iterator that was left leaves such a listener behind, with which nothing flows.
    channel.removeAllListeners("readable");
    channel.resume();
    channel.stderr.resume();
    channel.once("close", () => {
      this.#channels = this.#channels.filter((each) => each !== channel);
      onClose();
    });
    this.#channels.push(channel);
    if (this.#channels.length > MAX_DRAINING) this.#channels.shift()?.close();
  }
}

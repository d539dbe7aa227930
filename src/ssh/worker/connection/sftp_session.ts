// @ts-types="@types/ssh2"
import type { Client, SFTPWrapper } from "ssh2";
import { type Clock, systemClock, waitingClock } from "../../../async/clock.ts";
import { every } from "../../../async/every.ts";
import { failureReason, SessionFailure } from "./sessions.ts";
import { NO_RESPONSE_MS } from "./unresponsive.ts";
import { onSftpData, openRequests } from "./ssh2_patches.ts";

/** A session that sends nothing for this long, although it was asked, is closed. */
const STUCK_MS = 30_000;
const CHECK_MS = 1_000;
/** A session that sent something this recently is used without a check. */
const FRESH_MS = 100;

/** What {@linkcode SftpSession.open} needs from its connection. */
export interface SftpContext {
  /** Closes the connection and calls `action` if the host does not respond. Returns a function that stops watching. */
  whenUnresponsive(action: () => void): () => void;
  isAlive(): boolean;
  /** Called synchronously, because the session's end may be in the same packet as its start. */
  onStart(sftp: SFTPWrapper): void;
}

/** An open SFTP session. */
export class SftpSession {
  readonly sftp: SFTPWrapper;
  readonly #whenUnresponsive: SftpContext["whenUnresponsive"];
  #heardAtMs = performance.now();

  constructor(sftp: SFTPWrapper, whenUnresponsive: SftpContext["whenUnresponsive"]) {
    this.sftp = sftp;
    this.#whenUnresponsive = whenUnresponsive;
    onSftpData(sftp, () => this.#heardAtMs = performance.now());
  }

  /** Opens an SFTP session. @throws SessionFailure */
  static open(
    client: Client,
    { whenUnresponsive, isAlive, onStart }: SftpContext,
  ): Promise<SftpSession> {
    const { promise, resolve, reject } = Promise.withResolvers<SftpSession>();
    const fail = (reason: SessionFailure["reason"], cause: unknown) =>
      reject(new SessionFailure(reason, false, cause));
    const stopWatching = whenUnresponsive(() => fail("gone", "the host does not answer"));
    try {
      client.sftp((error, sftp) => {
        if (error) return fail(failureReason(error, isAlive()), error);
        onStart(sftp);
        resolve(new SftpSession(sftp, whenUnresponsive));
      });
    } catch (error) {
      fail("gone", error);
    }
    return promise.finally(stopWatching);
  }

  /** True if the session has just answered everything, so it needs no check. */
  get isFresh(): boolean {
    return openRequests(this.sftp) === 0 && performance.now() - this.#heardAtMs < FRESH_MS;
  }

  /**
   * Sends a request and reports what becomes of it. `stuck`: the host answers, but this session does
   * not, for example because it reads a file whose next bytes never come.
   */
  async check(): Promise<"responds" | "gone" | "stuck"> {
    const { promise, resolve } = Promise.withResolvers<"responds" | "gone" | "stuck">();
    // ssh2 never answers a request that is sent just after the session's end.
    const stopWatching = this.#whenUnresponsive(() => resolve("gone"));
    const stopChecking = this.#watchSilence(waitingClock, (quietMs) => {
      if (quietMs > NO_RESPONSE_MS) resolve("stuck");
    });
    const onClose = () => resolve("gone");
    this.sftp.once("close", onClose);
    // An error with a status is an answer too.
    const isAnswer = (error: unknown) => typeof (error as { code?: unknown }).code === "number";
    this.sftp.realpath(
      ".",
      (error) => resolve(error && !isAnswer(error) ? "gone" : "responds"),
    );
    return await promise.finally(() => {
      stopWatching();
      stopChecking();
      this.sftp.removeListener("close", onClose);
    });
  }

  /** Closes the session once it is certain that it is stuck. */
  closeIfStuck(): void {
    const stop = this.#watchSilence(systemClock, (quietMs) => {
      if (openRequests(this.sftp) > 0 && quietMs > STUCK_MS) this.sftp.end();
    });
    this.sftp.once("close", stop);
  }

  /**
   * Calls `action` every second with the time for which the session has sent nothing. The time is counted in
   * calls, because this process may be stopped meanwhile. Returns a function that stops watching.
   */
  #watchSilence(clock: Clock, action: (quietMs: number) => void): () => void {
    let heardAtMs = this.#heardAtMs;
    let quietMs = 0;
    return every(clock, CHECK_MS, () => {
      quietMs = this.#heardAtMs === heardAtMs ? quietMs + CHECK_MS : 0;
      heardAtMs = this.#heardAtMs;
      action(quietMs);
    });
  }
}

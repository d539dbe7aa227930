import type { Socket } from "node:net";
// @ts-types="@types/ssh2"
import type { Client, ClientChannel, SFTPWrapper } from "ssh2";
import type { Logger } from "../../../log.ts";
import { valueWithin } from "../../../async/deadline.ts";
import { delay } from "../../../async/delay.ts";
import { exitOf, type StartedCommand } from "../commands/started_command.ts";
import type { DialedConnection } from "./dial.ts";
import { ProcessOrder, stopCommand } from "../commands/stop_command.ts";
import { leaveOpen } from "./ssh2_patches.ts";
import { Guard } from "../commands/guard.ts";
import {
  DrainingChannels,
  failureReason,
  isFull,
  isResponding,
  noSessionsAllowed,
  requestSftp,
  SessionCount,
  SessionFailure,
  watchSilence,
} from "./sessions.ts";

/** Delay before a retry if the host refused a session because another has just ended. */
const SESSION_RETRY_MS = 20;
/** A connection that received bytes this recently is used without a test. */
const FRESH_MS = 100;
/** If the guard does not answer and no byte arrived for this long, the link is dead. */
const SILENT_MS = 1_500;

/** One logged-in connection: counts its SSH sessions and knows the process of each. */
export class HostConnection {
  readonly #client: Client;
  readonly #socket: Socket;
  readonly #logger: Logger;
  readonly #onChange: () => void;
  #alive = true;
  #heardAtMs = performance.now();
  #retired = false;
  readonly #sessions = new SessionCount();
  readonly #order = new ProcessOrder();
  readonly #opening = new Set<Promise<Opened>>();
  #guard: Guard | undefined;
  readonly #guardReady: Promise<Guard | undefined>;
  #guardChannel: ClientChannel | undefined;
  #guardYields = false;
  #sftp: Promise<SFTPWrapper> | undefined;
  readonly #draining = new DrainingChannels();

  constructor({ client, socket }: DialedConnection, logger: Logger, onChange: () => void) {
    this.#client = client;
    this.#socket = socket;
    this.#logger = logger;
    this.#onChange = onChange;
    socket.on("data", () => this.#heardAtMs = performance.now());
    client.on("close", () => this.#lost());
    client.on("error", () => this.#lost());
    this.#guardReady = this.#startGuard();
  }

  /** True if the connection is open and accepts new work. */
  get alive(): boolean {
    return this.#alive && !this.#retired;
  }

  /** The guard on the host, if there is one; it may not be ready yet. */
  get guard(): Guard | undefined {
    return this.#guard;
  }

  /** Resolves once it is known whether a guard runs on the host. */
  async isGuarded(): Promise<boolean> {
    return await this.#guardReady !== undefined && !!this.#guard && !this.#guardYields;
  }

  /** Takes one session of the connection if one is free. Each must be released once. */
  reserve(): boolean {
    return this.alive && this.#sessions.take();
  }

  #release(): void {
    this.#sessions.release();
    this.#changed();
  }

  #changed(): void {
    if (this.#retired && this.#sessions.isIdle) this.destroy();
    this.#onChange();
  }

  /** Starts a command in a reserved session. @throws SessionFailure; the session is then released */
  async start(command: string): Promise<StartedCommand> {
    try {
      const { channel, exited } = await this.#open(command);
      let closed = false;
      channel.once("close", () => closed = true);
      return {
        channel,
        exited,
        end: (graceMs) => this.#endProcess(channel, graceMs),
        running: () => this.#order.isRunning(channel),
        settle: async (limitMs) => (await this.#guard?.list(limitMs)) !== undefined,
        release: () =>
          closed ? this.#release() : this.#draining.add(channel, () => this.#release()),
      };
    } catch (error) {
      throw await this.#releaseFailed(error);
    }
  }

  /** Returns the connection's SFTP session if it has one and it responds. */
  async openSftp(): Promise<SFTPWrapper | undefined> {
    const sftp = this.alive ? await this.#sftp?.catch(() => undefined) : undefined;
    if (sftp === undefined || performance.now() - this.#heardAtMs < FRESH_MS) return sftp;
    return await isResponding(sftp, this.#watchSilence) && this.alive ? sftp : undefined;
  }

  /** Opens the connection's one SFTP session in a reserved session. @throws SessionFailure */
  sftp(): Promise<SFTPWrapper> {
    if (this.#sftp !== undefined) this.#releaseUnopened();
    return this.#sftp ??= this.#openSftp().catch(async (error) => {
      this.#sftp = undefined;
      throw await this.#releaseFailed(error);
    });
  }

  /** Accepts no new work; the connection closes when the last session is released. */
  retire(): void {
    this.#retired = true;
    this.#changed();
  }

  /** Stops everything that runs on this connection and closes it. True if the host confirmed the end. */
  async close(limitMs: number): Promise<boolean> {
    const startedAt = performance.now();
    // On a new connection the guard may still be starting.
    const guard = this.#alive ? await valueWithin(this.#guardReady, limitMs) : undefined;
    const leftMs = limitMs - (performance.now() - startedAt);
    const done = await guard?.quit(leftMs) ?? this.#sessions.isIdle;
    this.#client.end();
    this.destroy();
    return done;
  }

  /** Closes the connection at once; the guard then stops what runs on the host. */
  destroy(): void {
    this.#socket.destroy();
    this.#lost();
  }

  /** Starts the guard. Resolves to undefined if it does not run on this host. */
  async #startGuard(): Promise<Guard | undefined> {
    this.#sessions.takeForGuard();
    const token = Guard.token();
    try {
      const { channel } = await this.#open(Guard.command(token));
      this.#guardChannel = channel;
      channel.on("close", () => this.#guardEnded());
      if (this.#guardYields) channel.end();
      const guard = new Guard(channel, token);
      // Set before it is ready: lines written now wait in its stdin.
      this.#guard = guard;
      if (await guard.ready(10_000)) {
        guard.note();
        // If the guard is killed, commands can no longer be stopped for certain, so no new ones start here.
        channel.once("close", () => !this.#guardYields && this.retire());
        return guard;
      }
      this.#guard = undefined;
      this.#logger.debug("the host runs no guard; commands are stopped by signals");
      channel.close();
    } catch (error) {
      this.#guardEnded();
      this.#logger.debug("the guard could not be started", error);
    }
    return undefined;
  }

  #guardEnded(): void {
    this.#guard = undefined;
    this.#guardChannel = undefined;
    this.#sessions.releaseGuard();
    this.#changed();
  }

  async #open(command: string): Promise<Opened> {
    // The host confirms SFTP late. A command that starts meanwhile would make the process order unknown.
    await this.#sftp?.catch(() => {});
    const opening = this.#request(command);
    this.#opening.add(opening);
    return await opening.finally(() => this.#opening.delete(opening));
  }

  #request(command: string): Promise<Opened> {
    const { promise, resolve, reject } = Promise.withResolvers<Opened>();
    let sent = false;
    // Sent directly after the command, so the guard knows its process even if this program is killed now.
    const noteIt = () => this.#guard?.note();
    const options = {
      // ssh2 reads `env` when the channel is open, directly before it sends the command. It is the only
      // public sign that the command cannot have reached the host before.
      get env() {
        sent = true;
        queueMicrotask(noteIt);
        return undefined;
      },
    };
    const fail = (reason: SessionFailure["reason"], cause: unknown) =>
      reject(new SessionFailure(reason, sent, cause));
    const stopWatching = this.#watchSilence(() => fail("gone", "the host does not respond"));
    try {
      this.#client.exec(command, options as object, (error, channel) => {
        stopWatching();
        if (error) return fail(failureReason(error, this.#alive), error);
        leaveOpen(channel);
        // Without an exit report the process may still run, and the order is unknown: no new commands here.
        this.#order.track(channel, () => {
          if (this.#alive && channel !== this.#guardChannel) this.retire();
        });
        resolve({ channel, exited: exitOf(channel) });
      });
    } catch (error) {
      stopWatching();
      fail("gone", error);
    }
    return promise;
  }

  /** Closes the connection if no byte arrives for a while after a request. */
  readonly #watchSilence = (onSilence: () => void): () => void =>
    watchSilence(this.#socket, () => {
      this.#logger.warn("the SSH connection does not respond and is replaced");
      this.destroy();
      onSilence();
    });

  async #endProcess(channel: ClientChannel, graceMs: number | undefined): Promise<boolean> {
    const guard = this.#alive ? await valueWithin(this.#guardReady, 3_000) : undefined;
    const isAlive = () => this.#alive;
    const ended = await stopCommand(channel, { guard, order: this.#order, isAlive, graceMs });
    // Closing a dead link makes the guard stop the command as soon as the host notices.
    const isSilent = performance.now() - this.#heardAtMs > SILENT_MS;
    if (!ended && this.#guard !== undefined && isSilent) this.destroy();
    return ended;
  }

  /** Releases the session of a failed request. Returns the error to throw. */
  async #releaseFailed(error: unknown): Promise<unknown> {
    const refusal = isFull(error) ? this.#sessions.refused() : undefined;
    if (refusal === "later") await delay(SESSION_RETRY_MS);
    if (refusal === "guard") {
      this.#guardYields = true;
      // Only stdin is closed: the host counts the session until its process has ended.
      this.#guardChannel?.end();
    }
    this.#releaseUnopened();
    return refusal === "none" ? noSessionsAllowed() : error;
  }

  #releaseUnopened(): void {
    this.#sessions.releaseUnopened();
    this.#changed();
  }

  async #openSftp(): Promise<SFTPWrapper> {
    await Promise.allSettled(this.#opening);
    return await requestSftp(this.#client, {
      watchSilence: this.#watchSilence,
      isAlive: () => this.#alive,
      onStart: (sftp) => {
        this.#order.trackForever(sftp);
        sftp.on("close", () => this.#sftpEnded());
      },
    });
  }

  #sftpEnded(): void {
    this.#sftp = undefined;
    // Its process was one of the connection's, so the order of the others is now unknown.
    if (this.#alive) this.retire();
    this.#release();
  }

  #lost(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#guard = undefined;
    this.#onChange();
  }
}

type Opened = Pick<StartedCommand, "channel" | "exited">;

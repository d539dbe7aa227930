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

/** A session that was refused because others have just ended is asked for again after so long. */
const AGAIN_MS = 20;
/** A link that brought something so recently needs no test before it is used. */
const FRESH_MS = 100;
/** A guard that does not answer on a link that has brought nothing for so long cannot be reached. */
const SILENT_MS = 1_500;

/** One logged-in connection: counts its sessions and knows which process belongs to which. */
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
  #guardGivesWay = false;
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

  get alive(): boolean {
    return this.#alive && !this.#retired;
  }

  get guard(): Guard | undefined {
    return this.#guard;
  }

  async isGuarded(): Promise<boolean> {
    return await this.#guardReady !== undefined && !!this.#guard && !this.#guardGivesWay;
  }

  /** Takes one session of the connection if one is free. Each is given back once. */
  reserve(): boolean {
    return this.alive && this.#sessions.take();
  }

  #giveBack(): void {
    this.#sessions.giveBack();
    this.#changed();
  }

  #changed(): void {
    if (this.#retired && this.#sessions.isIdle) this.destroy();
    this.#onChange();
  }

  /** Starts a command in a reserved session. @throws SessionFailure, the session is then given back */
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
          closed ? this.#giveBack() : this.#draining.add(channel, () => this.#giveBack()),
      };
    } catch (error) {
      throw await this.#giveBackFailed(error);
    }
  }

  /** The connection's SFTP session, if it has one that still answers. */
  async openSftp(): Promise<SFTPWrapper | undefined> {
    const sftp = this.alive ? await this.#sftp?.catch(() => undefined) : undefined;
    if (sftp === undefined || performance.now() - this.#heardAtMs < FRESH_MS) return sftp;
    return await isResponding(sftp, this.#watchSilence) && this.alive ? sftp : undefined;
  }

  /** The connection's one SFTP session, opened in a reserved session. @throws SessionFailure */
  sftp(): Promise<SFTPWrapper> {
    if (this.#sftp !== undefined) this.#unreserve();
    return this.#sftp ??= this.#openSftp().catch(async (error) => {
      this.#sftp = undefined;
      throw await this.#giveBackFailed(error);
    });
  }

  /** No new work; closed as soon as the last session is given back. */
  retire(): void {
    this.#retired = true;
    this.#changed();
  }

  /** Ends everything that runs here and closes. True when the host confirmed the end. */
  async close(limitMs: number): Promise<boolean> {
    const startedAt = performance.now();
    // A connection that was made just now may have its guard still to come.
    const guard = this.#alive ? await valueWithin(this.#guardReady, limitMs) : undefined;
    const leftMs = limitMs - (performance.now() - startedAt);
    const done = await guard?.quit(leftMs) ?? this.#sessions.isIdle;
    this.#client.end();
    this.destroy();
    return done;
  }

  destroy(): void {
    this.#socket.destroy();
    this.#lost();
  }

  /** Gives the guard when it runs, undefined when this host has none. */
  async #startGuard(): Promise<Guard | undefined> {
    this.#sessions.takeForGuard();
    const token = Guard.token();
    try {
      const { channel } = await this.#open(Guard.command(token));
      this.#guardChannel = channel;
      channel.on("close", () => this.#guardEnded());
      if (this.#guardGivesWay) channel.end();
      const guard = new Guard(channel, token);
      // At once: what is written before it is ready waits in its stdin.
      this.#guard = guard;
      if (await guard.ready(10_000)) {
        guard.note();
        // Killed on the host: what runs there could not be ended for sure, so nothing more begins here.
        channel.once("close", () => !this.#guardGivesWay && this.retire());
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
    this.#sessions.giveBackGuard();
    this.#changed();
  }

  async #open(command: string): Promise<Opened> {
    // SFTP tells of its start late, so no command may start meanwhile: the order would be lost.
    await this.#sftp?.catch(() => {});
    const opening = this.#request(command);
    this.#opening.add(opening);
    return await opening.finally(() => this.#opening.delete(opening));
  }

  #request(command: string): Promise<Opened> {
    const { promise, resolve, reject } = Promise.withResolvers<Opened>();
    let sent = false;
    // Goes out right behind the command, so that its process is known even if this program is killed now.
    const noteIt = () => this.#guard?.note();
    const options = {
      // ssh2 reads this once the channel is open, directly before it sends the command: the one
      // public sign that up to here nothing of the command can have reached the host.
      get env() {
        sent = true;
        queueMicrotask(noteIt);
        return undefined;
      },
    };
    const fail = (reason: SessionFailure["reason"], cause: unknown) =>
      reject(new SessionFailure(reason, sent, cause));
    const stopWatching = this.#watchSilence(() => fail("gone", "the host does not answer"));
    try {
      this.#client.exec(command, options as object, (error, channel) => {
        stopWatching();
        if (error) return fail(failureReason(error, this.#alive), error);
        leaveOpen(channel);
        // With a process that may still live the order is not known any more, so no further commands here.
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

  /** Closes the connection when not one byte arrives for a while after a request. */
  readonly #watchSilence = (onSilence: () => void): () => void =>
    watchSilence(this.#socket, () => {
      this.#logger.warn("the SSH connection is wedged and is replaced");
      this.destroy();
      onSilence();
    });

  async #endProcess(channel: ClientChannel, graceMs: number | undefined): Promise<boolean> {
    const guard = this.#alive ? await valueWithin(this.#guardReady, 3_000) : undefined;
    const isAlive = () => this.#alive;
    const ended = await stopCommand(channel, { guard, order: this.#order, isAlive, graceMs });
    // A dead link is closed, so that the guard ends what runs there as soon as the host notices.
    const isSilent = performance.now() - this.#heardAtMs > SILENT_MS;
    if (!ended && this.#guard !== undefined && isSilent) this.destroy();
    return ended;
  }

  /** Gives back the session of a request that has failed; gives what is to be thrown. */
  async #giveBackFailed(error: unknown): Promise<unknown> {
    const refusal = isFull(error) ? this.#sessions.refused() : undefined;
    if (refusal === "later") await delay(AGAIN_MS);
    if (refusal === "guard") {
      this.#guardGivesWay = true;
      // Not closed: the host counts the session until its process has ended.
      this.#guardChannel?.end();
    }
    this.#unreserve();
    return refusal === "none" ? noSessionsAllowed() : error;
  }

  #unreserve(): void {
    this.#sessions.untake();
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
    // Its process was one of the connection's, so the order of the others is not known any more.
    if (this.#alive) this.retire();
    this.#giveBack();
  }

  #lost(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#guard = undefined;
    this.#onChange();
  }
}

type Opened = Pick<StartedCommand, "channel" | "exited">;

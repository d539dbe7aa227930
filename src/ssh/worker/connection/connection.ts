import type { Socket } from "node:net";
// @ts-types="@types/ssh2"
import type { Client, ClientChannel, SFTPWrapper } from "ssh2";
import type { Logger } from "../../../log.ts";
import { valueWithin } from "../../../async/deadline.ts";
import { delay } from "../../../async/delay.ts";
import type { StartedCommand } from "../commands/started_command.ts";
import type { DialedConnection } from "./dialed.ts";
import { ProcessOrder, stopCommand } from "../commands/stop_command.ts";
import { CommandRequests, type Opened, type Purpose } from "./command_requests.ts";
import { ping, serverSoftware } from "./ssh2_patches.ts";
import { ConnectionGuard, SESSION_RETRY_MS } from "./connection_guard.ts";
import type { HostTraits } from "./host_traits.ts";
import { DrainingChannels, noSessionsAllowed, SessionCount, SessionFailure } from "./sessions.ts";
import { SftpSession } from "./sftp_session.ts";
import { whenUnresponsive } from "./unresponsive.ts";

/** Max time that commands wait for a first one that shows whether a guard may run. */
const TURN_MS = 1_000;
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
  readonly #traits: HostTraits;
  readonly #isOpenSsh: () => boolean;
  /** Resolves when the guard's session was requested, or when there is no guard. */
  readonly #guardAsked = Promise.withResolvers<void>();
  #isFirstTaken = false;
  readonly #sessions: SessionCount;
  readonly #order = new ProcessOrder();
  readonly #opening = new Set<Promise<Opened>>();
  /** Stops what runs on the host, if it could be started. */
  readonly guard: ConnectionGuard;
  readonly #requests: CommandRequests;
  #sftp: Promise<SftpSession> | undefined;
  readonly #draining = new DrainingChannels();

  /** @param traits shared by all connections to the host */
  constructor(
    { client, socket, isOpenSsh }: DialedConnection,
    logger: Logger,
    traits: HostTraits,
    onChange: () => void,
  ) {
    this.#client = client;
    this.#socket = socket;
    this.#logger = logger;
    this.#onChange = onChange;
    this.#traits = traits;
    this.#isOpenSsh = isOpenSsh;
    traits.meet(serverSoftware(client));
    this.#sessions = new SessionCount(traits);
    socket.on("data", () => this.#heardAtMs = performance.now());
    client.on("close", () => this.#lost());
    client.on("error", () => this.#lost());
    this.#requests = new CommandRequests({
      client,
      traits,
      order: this.#order,
      isOpenSsh,
      isAlive: () => this.#alive,
      whenUnresponsive: this.#whenUnresponsive,
      onSent: (purpose) => {
        this.guard.current?.note();
        this.guard.update(purpose === "asked");
      },
      onExcess: () => {
        logger.warn("the host sends more than it may; the connection is ended");
        this.destroy();
      },
      onUnknownEnd: (channel) => {
        // Only the guard needs the order. Other servers than OpenSSH may never report an exit.
        if (this.guard.current === undefined) this.#order.forget(channel);
        else if (this.#alive && !this.guard.owns(channel)) this.retire();
      },
    });
    this.guard = new ConnectionGuard({
      traits,
      sessions: this.#sessions,
      order: this.#order,
      logger,
      isAlive: () => this.#alive,
      open: (command) => this.#open(command, "guard"),
      onChange: () => this.#changed(),
      onGivenUp: () => this.#guardAsked.resolve(),
      onLoss: () => this.retire(),
    });
  }

  /** True if the connection is open and accepts new work. */
  get alive(): boolean {
    return this.#alive && !this.#retired;
  }

  /** Starts the guard if it finds out by itself whether the login is forced. Waits until that is known. */
  async probeLogin(limitMs: number): Promise<void> {
    if (!this.#isOpenSsh()) this.#traits.isNoOpenSsh();
    this.guard.update(true);
    if (this.#traits.guardMayProbe) await this.guard.ready(limitMs);
  }

  /** Does {@linkcode probeLogin} in a reserved session, which is then released. */
  async probeReserved(limitMs: number): Promise<void> {
    // Directly after the login, OpenSSH may not have shown itself yet, but it does before it answers.
    await valueWithin(new Promise<void>((resolve) => ping(this.#client, resolve)), limitMs);
    const probing = this.#isOpenSsh() ? this.probeLogin(limitMs) : Promise.resolve();
    await probing.finally(() => this.#releaseUnopened());
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
    this.guard.update();
    this.#onChange();
  }

  /**
   * Starts a command in a reserved session.
   *
   * @param isOwn the caller has not asked for this command, so it only runs if the login is not forced
   * @throws SessionFailure; the session is then released
   */
  async start(command: string, isOwn = false): Promise<StartedCommand> {
    try {
      const { channel, exited, probe } = await this.#open(command, isOwn ? "own" : "asked");
      let closed = false;
      channel.once("close", () => closed = true);
      return {
        channel,
        exited,
        end: (graceMs) => {
          probe?.abandon();
          return this.#endProcess(channel, graceMs);
        },
        isConnected: () => this.#alive && !this.#socket.destroyed,
        running: () => this.#order.isRunning(channel),
        settle: async (limitMs) => (await this.guard.current?.list(limitMs)) !== undefined,
        keep: (path) => this.guard.keep(path),
        drop: (path) => this.guard.drop(path),
        release: () =>
          closed ? this.#release() : this.#draining.add(channel, () => this.#release()),
      };
    } catch (error) {
      throw await this.#releaseFailed(error);
    }
  }

  /** Returns the connection's SFTP session if it has one and it responds. */
  async openSftp(): Promise<SFTPWrapper | undefined> {
    const session = this.alive ? await this.#sftp?.catch(() => undefined) : undefined;
    if (session === undefined || session.isFresh) return session?.sftp;
    const state = await session.check();
    if (state === "stuck" && this.alive) this.#leaveSftp(session);
    return state === "responds" && this.alive ? session.sftp : undefined;
  }

  /** Opens the connection's one SFTP session in a reserved session. @throws SessionFailure */
  async sftp(): Promise<SFTPWrapper> {
    if (this.#sftp !== undefined) this.#releaseUnopened();
    const opening = this.#sftp ??= this.#openSftp().catch(async (error) => {
      this.#sftp = undefined;
      throw await this.#releaseFailed(error);
    });
    return (await opening).sftp;
  }

  /** Other commands of the connection go on; new work goes to another one. */
  #leaveSftp(session: SftpSession): void {
    this.#logger.warn("an SFTP session on the host does not respond and is left");
    session.closeIfStuck();
    this.retire();
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
    const mayWait = this.#alive && !this.#sessions.isIdle;
    const guard = mayWait ? await this.guard.ready(limitMs) : this.guard.current;
    const leftMs = limitMs - (performance.now() - startedAt);
    const done = guard === undefined ? await this.#drained(leftMs) : await guard.quit(leftMs);
    this.#client.end();
    this.destroy();
    return done;
  }

  /** Waits for the host to close all sessions, a moment after it reported how their commands ended. */
  async #drained(limitMs: number): Promise<boolean> {
    this.#sftp?.then(({ sftp }) => sftp.end()).catch(() => {});
    return await this.#sessions.becomeIdle(this.#alive ? limitMs : 0);
  }

  /** Closes the connection at once; the guard then stops what runs on the host. */
  destroy(): void {
    this.#socket.destroy();
    this.#lost();
  }

  async #open(command: string, purpose: Purpose): Promise<Opened> {
    // The host confirms SFTP late. A command that starts meanwhile would make the process order unknown.
    await this.#sftp?.catch(() => {});
    if (purpose === "asked") await this.#takeTurn();
    const opening = this.#requests.open(command, purpose);
    if (purpose === "guard") this.#guardAsked.resolve();
    this.#opening.add(opening);
    return await opening.finally(() => this.#opening.delete(opening));
  }

  /** The guard is requested after the first command, and before the others can take all sessions. */
  async #takeTurn(): Promise<void> {
    const isDecided = this.#traits.login !== "unknown" || !this.#traits.mayGuard;
    if (this.#isFirstTaken && !isDecided) await valueWithin(this.#guardAsked.promise, TURN_MS);
    this.#isFirstTaken = true;
  }

  /** Closes the connection if no byte arrives for a while after a request. */
  readonly #whenUnresponsive = (action: () => void): () => void =>
    whenUnresponsive(this.#client, this.#socket, () => {
      this.#logger.warn("the SSH connection does not respond and is replaced");
      this.destroy();
      action();
    });

  async #endProcess(channel: ClientChannel, graceMs: number | undefined): Promise<boolean> {
    const guard = this.#alive ? await this.guard.ready(3_000) : undefined;
    const isAlive = () => this.#alive;
    const ended = await stopCommand(channel, { guard, order: this.#order, isAlive, graceMs });
    // Closing a dead link makes the guard stop the command as soon as the host notices.
    const isSilent = performance.now() - this.#heardAtMs > SILENT_MS;
    if (!ended && this.guard.current !== undefined && isSilent) this.destroy();
    return ended;
  }

  /** Releases the session of a failed request. Returns the error to throw. */
  async #releaseFailed(error: unknown): Promise<unknown> {
    const isGone = error instanceof SessionFailure && error.reason === "gone";
    if (isGone && !error.sent && this.#sessions.hasOthers) this.#traits.limitedByLoss();
    // Its close event may come later; until then every retry would get this connection again.
    if (isGone) this.destroy();
    const refusal = this.#sessions.failed(error);
    if (refusal === "later") await delay(SESSION_RETRY_MS);
    if (refusal === "guard") this.guard.yield();
    this.#releaseUnopened();
    return refusal === "none" ? noSessionsAllowed() : error;
  }

  #releaseUnopened(): void {
    this.#sessions.releaseUnopened();
    this.#changed();
  }

  async #openSftp(): Promise<SftpSession> {
    await Promise.allSettled(this.#opening);
    return await SftpSession.open(this.#client, {
      whenUnresponsive: this.#whenUnresponsive,
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
    this.guard.lost();
    this.#onChange();
  }
}

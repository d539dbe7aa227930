// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { valueWithin } from "../../../async/deadline.ts";
import { delay } from "../../../async/delay.ts";
import type { Logger } from "../../../log.ts";
import { Guard } from "../commands/guard.ts";
import type { StartedCommand } from "../commands/started_command.ts";
import type { ProcessOrder } from "../commands/stop_command.ts";
import { type HostTraits, padded } from "./host_traits.ts";
import { isFull, type SessionCount } from "./sessions.ts";

/** Delay before a retry if the host refused a session because another has just ended. */
export const SESSION_RETRY_MS = 20;
const READY_MS = 10_000;

/** What {@linkcode ConnectionGuard} needs from its connection. */
export interface GuardContext {
  readonly traits: HostTraits;
  readonly sessions: SessionCount;
  readonly order: ProcessOrder;
  readonly logger: Logger;
  isAlive(): boolean;
  /** Starts the command in a session of its own. @throws SessionFailure */
  open(command: string): Promise<Pick<StartedCommand, "channel" | "exited">>;
  /** Called when a session was released. */
  onChange(): void;
  /** Called when it is known that no guard starts. */
  onGivenUp(): void;
  /** Called if the guard ended and commands can no longer be stopped for certain. */
  onLoss(): void;
}

/**
 * The guard of one connection. It starts once the login is known to run commands as requested, so
 * nothing of ours is ever executed by a forced command.
 */
export class ConnectionGuard {
  readonly #context: GuardContext;
  readonly #ready = Promise.withResolvers<Guard | undefined>();
  readonly #opened = Promise.withResolvers<void>();
  readonly #kept = new Set<string>();
  readonly #stopListening: () => void;
  #state: "waiting" | "started" | "over" = "waiting";
  #guard: Guard | undefined;
  #channel: ClientChannel | undefined;
  #yields = false;
  #mayProbe = false;

  constructor(context: GuardContext) {
    this.#context = context;
    if (context.traits.mayGuard) context.sessions.reserveGuard();
    this.#stopListening = context.traits.onChange(() => this.update());
    this.update();
  }

  /** The guard, if it runs or starts; lines written before it is ready wait in its stdin. */
  get current(): Guard | undefined {
    return this.#guard;
  }

  /** True for the guard's own channel. */
  owns(channel: ClientChannel): boolean {
    return channel === this.#channel;
  }

  /** Resolves to the guard when it runs; undefined if there is none, or not within the limit. */
  async ready(limitMs: number): Promise<Guard | undefined> {
    // A guard that waits for a session gets none before a command ends.
    const { traits, sessions } = this.#context;
    if (this.#state === "waiting" && traits.login === "free" && !sessions.hasRoomForGuard) return;
    return await valueWithin(this.#ready.promise, limitMs);
  }

  /** Waits until a guard that may run has got what {@linkcode keep} told it, or until the limit. */
  async keeps(limitMs: number): Promise<void> {
    const isStarting = this.#state === "started" || this.#context.traits.login === "free";
    if (isStarting) await valueWithin(this.#opened.promise, limitMs);
  }

  /** Resolves once it is known whether a guard runs on the host. */
  async isRunning(): Promise<boolean> {
    return await this.#ready.promise !== undefined && this.#guard !== undefined && !this.#yields;
  }

  /** Has the guard remove a file if the connection ends before {@linkcode drop} is called for it. */
  keep(path: string): void {
    this.#kept.add(path);
    this.#guard?.keep(path);
  }

  /** Cancels {@linkcode keep}. */
  drop(path: string): void {
    this.#kept.delete(path);
    this.#guard?.drop(path);
  }

  /**
   * Starts the guard if that is possible now.
   *
   * @param isAsked a command that the caller asked for was sent, so the guard may find out about the login
   */
  update(isAsked = false): void {
    const { traits, sessions, isAlive } = this.#context;
    if (this.#state !== "waiting") return;
    if (!traits.mayGuard || !isAlive()) return this.#giveUp();
    this.#mayProbe ||= isAsked && traits.guardMayProbe;
    const isAllowed = traits.login === "free" || this.#mayProbe && traits.guardMayProbe;
    if (isAllowed && sessions.hasRoomForGuard) this.#start();
  }

  /** Frees the guard's session for a command, on a host that allows only one. */
  yield(): void {
    this.#yields = true;
    // Only stdin is closed: the host counts the session until its process has ended.
    this.#channel?.end();
  }

  /** The connection is lost. */
  lost(): void {
    this.#guard = undefined;
    this.#giveUp();
  }

  async #start(): Promise<void> {
    const { traits, sessions, order, logger, onLoss, open } = this.#context;
    const isProbe = traits.login === "unknown";
    this.#state = "started";
    sessions.openGuard();
    const token = Guard.token();
    try {
      const command = Guard.command(token);
      const { channel, exited } = await open(isProbe ? padded(command) : command);
      let hasExited = false;
      void exited.then(() => hasExited = true);
      this.#channel = channel;
      order.guardIs(channel);
      channel.on("close", () => this.#ended());
      if (this.#yields) channel.end();
      const guard = new Guard(channel, token);
      this.#guard = guard;
      for (const path of this.#kept) guard.keep(path);
      this.#opened.resolve();
      if (await guard.ready(READY_MS)) {
        traits.loginIsFree();
        guard.note();
        const lose = () => !this.#yields && onLoss();
        // It may have ended while its first line was on the way.
        if (this.#channel === undefined) lose();
        else channel.once("close", lose);
        return this.#ready.resolve(guard);
      }
      this.#guard = undefined;
      logger.debug("the host runs no guard; commands are stopped by signals");
      if (isProbe && guard.hasSpoken) traits.loginIsFree();
      else if (isProbe && hasExited) traits.loginIsForced();
      channel.close();
    } catch (error) {
      if (isFull(error) && sessions.guardRefused()) return await this.#postpone();
      logger.debug("the guard could not be started", error);
      this.#ended();
    }
    this.#giveUp();
  }

  async #postpone(): Promise<void> {
    this.#context.sessions.postponeGuard();
    this.#state = "waiting";
    await delay(SESSION_RETRY_MS);
    this.update();
  }

  #ended(): void {
    this.#guard = undefined;
    this.#channel = undefined;
    this.#giveUp();
    this.#context.sessions.releaseGuard();
    this.#context.onChange();
  }

  #giveUp(): void {
    this.#stopListening();
    if (this.#state === "waiting") this.#context.sessions.releaseGuard();
    this.#state = "over";
    this.#ready.resolve(undefined);
    this.#opened.resolve();
    this.#context.onGivenUp();
  }
}

// @ts-types="@types/ssh2"
import type { Client, ClientChannel } from "ssh2";
import { LoginProbe } from "../commands/login_probe.ts";
import { exitOf, type StartedCommand } from "../commands/started_command.ts";
import type { ProcessOrder } from "../commands/stop_command.ts";
import type { HostTraits } from "./host_traits.ts";
import { failureReason, SessionFailure } from "./sessions.ts";
import { leaveOpen, limitBuffer, rewriteCommands } from "./ssh2_patches.ts";

/** A host may send 2 MB before they are read, the window of ssh2. */
export const MAX_UNREAD_BYTES = 8_000_000;

/** Why a command is started: the caller asked for it, it serves another request, or it is the guard. */
export type Purpose = "asked" | "own" | "guard";

/** A command whose start the host has confirmed. */
export interface Opened extends Pick<StartedCommand, "channel" | "exited"> {
  /** Set if the command also shows whether the login is forced. */
  readonly probe: LoginProbe | undefined;
}

/** What {@linkcode CommandRequests} needs from its connection. */
export interface RequestContext {
  readonly client: Client;
  readonly traits: HostTraits;
  readonly order: ProcessOrder;
  isOpenSsh(): boolean;
  isAlive(): boolean;
  /** Closes the connection and calls `action` if the host does not respond. Returns a function that stops watching. */
  whenUnresponsive(action: () => void): () => void;
  /** Called if the host sends more than it may. */
  onExcess(): void;
  /** Called directly after a command was sent. */
  onSent(purpose: Purpose): void;
  /** Called if a channel closes without an exit report: the process may still run, and the order is unknown. */
  onUnknownEnd(channel: ClientChannel): void;
}

/** Sends the commands of one connection. */
export class CommandRequests {
  readonly #context: RequestContext;
  /** The next command line to send, if it differs from the requested one. */
  #line: string | undefined;

  constructor(context: RequestContext) {
    this.#context = context;
    rewriteCommands(context.client, (command) => {
      const line = this.#line ?? command;
      this.#line = undefined;
      return line;
    });
  }

  /** Opens a channel and starts a command in it. @throws SessionFailure */
  open(command: string, purpose: Purpose): Promise<Opened> {
    const { client, order, isAlive, whenUnresponsive, onUnknownEnd, onExcess } = this.#context;
    const { promise, resolve, reject } = Promise.withResolvers<Opened>();
    let sent = false;
    let probe: LoginProbe | undefined;
    const send = () => {
      sent = true;
      probe = this.#send(command, purpose);
    };
    const options = {
      // ssh2 reads `env` when the channel is open, directly before it sends the command. It is the only
      // public sign that the command cannot have reached the host before.
      get env() {
        send();
        return undefined;
      },
    };
    const fail = (reason: SessionFailure["reason"], cause: unknown) =>
      reject(new SessionFailure(reason, sent, cause));
    const stopWatching = whenUnresponsive(() => fail("gone", "the host does not respond"));
    try {
      client.exec(command, options as object, (error, channel) => {
        stopWatching();
        if (error) return fail(failureReason(error, isAlive()), error);
        leaveOpen(channel);
        limitBuffer(channel, MAX_UNREAD_BYTES, onExcess);
        probe?.watch(channel);
        order.track(channel, () => onUnknownEnd(channel));
        resolve({ channel, exited: exitOf(channel), probe });
      });
    } catch (error) {
      stopWatching();
      fail("gone", error);
    }
    return promise;
  }

  #send(command: string, purpose: Purpose): LoginProbe | undefined {
    const { traits, isOpenSsh, onSent } = this.#context;
    if (!isOpenSsh()) traits.isNoOpenSsh();
    // Chosen as late as possible: the host may report a forced command after the login.
    const probe = this.#newProbe(purpose);
    this.#line = probe?.line(command);
    // Directly after the command, so the guard knows its process even if this program is killed now.
    queueMicrotask(() => onSent(purpose));
    return probe;
  }

  /** The first commands of a host also show whether it runs commands as requested. */
  #newProbe(purpose: Purpose): LoginProbe | undefined {
    const { traits } = this.#context;
    if (traits.login !== "unknown" || purpose === "guard") return undefined;
    if (purpose === "asked" && (!traits.mayGuard || traits.guardMayProbe)) return undefined;
    return new LoginProbe((shown) => {
      if (shown === "free") traits.loginIsFree();
      if (shown === "forced") traits.loginIsForced();
    });
  }
}

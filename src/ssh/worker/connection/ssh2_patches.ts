import type { Socket } from "node:net";
// @ts-types="@types/ssh2"
import type { Client, ClientChannel, SFTPWrapper } from "ssh2";

/**
 * Combines all writes of one turn of the event loop. ssh2 writes each packet in three parts (length,
 * payload, MAC); without Nagle each part would be its own system call and TCP segment.
 */
export function gatherWrites(socket: Socket): void {
  const write: typeof socket.write = socket.write.bind(socket);
  let corked = false;
  const uncork = () => {
    corked = false;
    socket.uncork();
  };
  socket.write = (...args: unknown[]) => {
    if (!corked) {
      corked = true;
      socket.cork();
      queueMicrotask(uncork);
    }
    // The arguments are passed on unchanged; TypeScript cannot express the overloads of `write` here.
    return write(...args as Parameters<typeof socket.write>);
  };
}

/** The private part of ssh2 that sends a signal request. */
interface Internals {
  readonly outgoing: { readonly id: number };
  readonly _client: { readonly _protocol: { signal(channel: number, name: string): void } };
}

/**
 * Asks the host to send a signal to the channel's process group. Unlike ssh2's `channel.signal()`,
 * this also works after stdin was closed.
 *
 * Source: ssh2 1.17.0 lib/Channel.js `signal` (returns silently after `end()`); RFC 4254 section 6.9
 * allows the request as long as the channel is open.
 */
export function sendSignal(channel: ClientChannel, name: "KILL" | "TERM"): void {
  const { _client, outgoing } = channel as unknown as Partial<Internals>; // private, so it may be missing
  if (_client?._protocol && outgoing) {
    _client._protocol.signal(outgoing.id, name);
  } else {
    channel.signal(name);
  }
}

/**
 * Lets only the host close a channel. By default the stream destroys itself when both directions have
 * ended and sends CLOSE; a host that has not sent the exit status by then never sends it.
 */
export function leaveOpen(channel: ClientChannel): void {
  Object.assign(channel, { destroy: () => channel });
}

/** The private part of ssh2 that one connection uses. All of it may be missing. */
interface ClientInternals {
  readonly _callbacks?: (() => void)[];
  readonly _protocol?: {
    ping?(): void;
    requestFailure?(): void;
    readonly _remoteIdentRaw?: unknown;
    exec?(channel: number, command: string, wantReply: boolean): unknown;
    readonly _handlers?: Record<string, unknown>;
  };
}

/** Returns the server's software and comment, such as `OpenSSH_9.2p1 Debian-2`; empty if unknown. */
export function serverSoftware(client: Client): string {
  const { _protocol } = client as unknown as ClientInternals; // private, so it may be missing
  return String(_protocol?._remoteIdentRaw ?? "").trim().replace(/^SSH-[^-]*-/, "");
}

/**
 * Calls `onDebug` with the text of each SSH_MSG_DEBUG. Call it directly after `connect()`.
 *
 * Source: ssh2 1.17.0 lib/protocol/handlers.misc.js reads the message and looks for this handler.
 */
export function onDebugMessage(client: Client, onDebug: (text: string) => void): void {
  const { _protocol } = client as unknown as ClientInternals; // private, so it may be missing
  if (_protocol?._handlers === undefined) return;
  _protocol._handlers.DEBUG = (_self: unknown, _display: boolean, text: unknown) =>
    onDebug(String(text));
}

/** Calls `onRefusal` for each refused login method. Call it directly after `connect()`. */
export function onRefusedLogin(
  client: Client,
  onRefusal: (methods: readonly string[], isPartial: boolean) => void,
): void {
  const handlers = (client as unknown as ClientInternals)._protocol?._handlers;
  const answer = handlers?.USERAUTH_FAILURE;
  if (handlers === undefined || typeof answer !== "function") return;
  handlers.USERAUTH_FAILURE = (...args: readonly unknown[]) => {
    const [, methods, isPartial] = args;
    onRefusal(Array.isArray(methods) ? methods.map(String) : [], isPartial === true);
    answer(...args);
  };
}

/**
 * Calls `onRequest` with the name of each global request of the host, before ssh2 answers it. Call it
 * directly after `connect()`. Keys that the host announces are not used, so it is not asked to prove them:
 * ssh2 would remember each request for that until the host answers it.
 */
export function onGlobalRequest(client: Client, onRequest: (name: string) => void): void {
  const protocol = (client as unknown as ClientInternals)._protocol;
  const handlers = protocol?._handlers;
  const answer = handlers?.GLOBAL_REQUEST;
  if (handlers === undefined || typeof answer !== "function") return;
  handlers.GLOBAL_REQUEST = (...args: readonly unknown[]) => {
    const [, name, wantsReply] = args;
    onRequest(String(name));
    if (name !== HOST_KEYS) answer(...args);
    else if (wantsReply === true) protocol?.requestFailure?.();
  };
}

/** The global request with which OpenSSH announces its keys. */
export const HOST_KEYS = "hostkeys-00@openssh.com";

/** Calls `onAnswer` whenever ssh2 answers a request of the host by itself. */
export function onAnswer(client: Client, onAnswer: () => void): void {
  const { _protocol } = client as unknown as ClientInternals; // private, so it may be missing
  if (_protocol === undefined) return;
  for (const name of ["requestSuccess", "requestFailure", "channelFailure", "channelOpenFail"]) {
    const answer: unknown = Reflect.get(_protocol, name);
    if (typeof answer !== "function") continue;
    Reflect.set(_protocol, name, (...args: readonly unknown[]) => {
      onAnswer();
      Reflect.apply(answer, _protocol, args);
    });
  }
}

/**
 * Asks the host for a sign of life, which every server answers. Bytes then arrive on its socket.
 *
 * Source: ssh2 1.17.0 lib/client.js sends its keepalives this way; RFC 4254 section 4.
 */
export function ping(client: Client, onAnswer: () => void = () => {}): void {
  const { _callbacks, _protocol } = client as unknown as ClientInternals; // private, so it may be missing
  if (_callbacks === undefined || _protocol?.ping === undefined) return;
  _callbacks.push(onAnswer);
  _protocol.ping();
}

/** Calls `onData` whenever data arrives on an SFTP session. */
export function onSftpData(sftp: SFTPWrapper, onData: () => void): void {
  const channel = sftp as unknown as { push(data: unknown): unknown }; // ssh2 calls it; not in the types
  const push = channel.push.bind(sftp);
  channel.push = (data) => {
    onData();
    return push(data);
  };
}

/**
 * Calls `onExcess` if a host sends more than `maxBytes` that nobody has read, which it may not.
 *
 * Source: ssh2 1.17.0 lib/client.js CHANNEL_DATA does not check the window that it has granted.
 */
export function limitBuffer(channel: ClientChannel, maxBytes: number, onExcess: () => void): void {
  // A forwarded channel has no stderr, whatever the types say.
  for (const stream of [channel, channel.stderr].filter((each) => each !== undefined)) {
    const push = stream.push.bind(stream);
    stream.push = (chunk: unknown) => {
      const isRead = push(chunk);
      if (!isRead && stream.readableLength > maxBytes) onExcess();
      return isRead;
    };
  }
}

/** Returns the number of unanswered requests of an SFTP session. */
export const openRequests = (sftp: SFTPWrapper): number =>
  Object.keys((sftp as unknown as { readonly _requests?: object })._requests ?? {}).length;

/** Lets `rewrite` choose the command line when its channel is open, directly before it is sent. */
export function rewriteCommands(client: Client, rewrite: (command: string) => string): void {
  const { _protocol } = client as unknown as ClientInternals; // private, so it may be missing
  const exec = _protocol?.exec?.bind(_protocol);
  if (_protocol === undefined || exec === undefined) return;
  _protocol.exec = (channel, command, wantReply) => exec(channel, rewrite(command), wantReply);
}

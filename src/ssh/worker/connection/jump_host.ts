import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { waitingClock } from "../../../async/clock.ts";
import type { HostConfig } from "../../../config/config.ts";
import { errorText, oneLine, RemoteExecError } from "../../../errors.ts";
import { shellWord } from "../../../shell/quote.ts";
import { MAX_UNREAD_BYTES } from "./command_requests.ts";
import type { DialedConnection } from "./dialed.ts";
import { limitBuffer } from "./ssh2_patches.ts";

/** Where a jump host connects to. */
type Target = Pick<HostConfig, "host" | "port">;

/** The jump host did not say in time whether it could connect. */
export class ForwardTooLate extends Error {
  override readonly name = "ForwardTooLate";
}

/**
 * Opens a channel through a jump host to a target and returns it in the form of a socket. The connection to the
 * jump host ends with it.
 *
 * @throws ForwardTooLate, or ssh2's error if the jump host cannot connect or may not
 */
export function forwardThrough(
  hop: DialedConnection,
  { host, port }: Target,
  limitMs: number,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const fail = (error: unknown) => {
    hop.socket.destroy();
    reject(error);
  };
  const stopTimer = waitingClock.after(limitMs, () => fail(new ForwardTooLate()));
  hop.client.once("close", () => fail(new Error("its connection was closed")));
  try {
    hop.client.forwardOut("127.0.0.1", 0, host, port, (error, channel) => {
      if (error) fail(error);
      else resolve(asSocket(channel, hop));
    });
  } catch (error) {
    fail(error); // ssh2 throws if the connection ended directly after the login
  }
  return promise.finally(stopTimer);
}

/** Makes the channel look like a socket of `node:net` as far as ssh2 and this worker use one. */
function asSocket(channel: ClientChannel, hop: DialedConnection): Socket {
  let bytesRead = 0;
  const socket = new Duplex({
    allowHalfOpen: false,
    read: () => void channel.resume(),
    write: (chunk, _encoding, done) => void channel.write(chunk, done),
    writev: (chunks, done) =>
      void channel.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done),
    destroy(error, done) {
      channel.close();
      hop.client.end();
      hop.socket.destroy();
      done(error);
    },
  });
  limitBuffer(
    channel,
    MAX_UNREAD_BYTES,
    () => socket.destroy(new Error("the jump host sends more than it may")),
  );
  channel.on("data", (chunk: Uint8Array) => {
    bytesRead += chunk.length;
    if (!socket.push(chunk)) channel.pause();
  });
  channel.on("error", (error: Error) => socket.destroy(error));
  channel.once("end", () => socket.push(null));
  channel.once("close", () => socket.destroy());
  hop.client.once("close", () => socket.destroy());
  Object.defineProperty(socket, "bytesRead", { get: () => bytesRead });
  return Object.assign(socket, { connecting: false }) as unknown as Socket;
}

/** Errors that already name their jump host. */
const named = new WeakSet<RemoteExecError>();

/** Returns the error of a jump host with its name, and a suggestion that fits it. */
export function jumpHostFailed(name: string, error: RemoteExecError): RemoteExecError {
  if (named.has(error)) return error;
  const suggestion = error.code.startsWith("host_key")
    ? error.suggestion
    : `Try by hand: ssh ${shellWord(name)}; then correct its lines in the SSH configuration`;
  return nameIt(
    new RemoteExecError(error.code, `Jump host '${name}': ${error.message}`, suggestion, {
      cause: error,
    }),
  );
}

/** The jump host cannot connect to the next host, or may not. */
export function forwardRefused(
  name: string,
  { host, port }: Target,
  cause: unknown,
): RemoteExecError {
  const text = oneLine(errorText(cause)).replace(/^\(SSH\) Channel open failure: ?/, "");
  const isForbidden = (cause as { reason?: unknown }).reason === FORBIDDEN; // set by ssh2
  return nameIt(
    new RemoteExecError(
      "unreachable",
      `Jump host '${name}' cannot connect to ${host}:${port}: ${text || "it gave no reason"}`,
      isForbidden
        ? `Allow it in the sshd_config of ${name} (AllowTcpForwarding, PermitOpen)`
        : "Check HostName and Port in the SSH configuration, and that the host is up and lets the jump host in",
      { cause },
    ),
  );
}

/** SSH_OPEN_ADMINISTRATIVELY_PROHIBITED. Source: RFC 4254 section 5.1. */
const FORBIDDEN = 1;

/** The jump host did not connect to the next host in time. */
export const jumpHostSilent = (
  name: string,
  { host, port }: Target,
  limitMs: number,
): RemoteExecError =>
  nameIt(
    new RemoteExecError(
      "unreachable",
      `Jump host '${name}' did not connect to ${host}:${port} within ${limitMs / 1_000} seconds`,
      "Check that the host is up and that its firewall lets the jump host in",
    ),
  );

function nameIt(error: RemoteExecError): RemoteExecError {
  named.add(error);
  return error;
}

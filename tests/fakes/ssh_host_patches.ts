// @ts-types="@types/ssh2"
import type { Connection, Session } from "ssh2";

/** OpenSSH answers "open failed" to a session above the limit, ssh2 an empty text. */
export function nameOpenFailure(connection: Connection): void {
  type Protocol = { channelOpenFail(channel: number, reason: number, text?: string): void };
  // The field exists in ssh2 1.17.0 but not in its types.
  const { _protocol: protocol } = connection as unknown as { _protocol: Protocol };
  const original = protocol.channelOpenFail.bind(protocol);
  protocol.channelOpenFail = (channel, reason, text) =>
    original(channel, reason, text || "open failed");
}

/** ssh2's server drops requests after the client's end-of-file; sshd accepts signals until the end. */
export function acceptRequestsAfterEof(session: Session): void {
  Object.assign(session, { _ending: false });
}

/** Sends no exit status and no exit signal, like some network devices. */
export function hideExits(connection: Connection): void {
  const { _protocol } = connection as unknown as { readonly _protocol: object };
  Object.assign(_protocol, { exitStatus() {}, exitSignal() {} });
}

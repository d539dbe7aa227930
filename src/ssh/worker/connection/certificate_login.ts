import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { Client, ParsedKey } from "ssh2";
import { signatureTypeOf, withLength } from "../trust/certificate.ts";

type Sign = (data: Buffer, done: (signature: Buffer) => void) => void;

/** Private parts of ssh2, which may be missing. */
interface ClientInternals {
  readonly _protocol?: {
    authPK?(username: string, key: ParsedKey, ...rest: readonly unknown[]): void;
    readonly _kex: { readonly sessionID: Buffer };
    readonly _authsQueue: string[];
    readonly _cipher: { encrypt(packet: Buffer): void };
    readonly _packetRW: {
      readonly write: {
        readonly allocStart: number;
        alloc(length: number): Buffer;
        finalize(packet: Buffer): Buffer;
      };
    };
  };
}

const USERAUTH_REQUEST = 50;

/**
 * Lets keys of {@linkcode certifiedKey} log in. Call it directly after `connect()`.
 *
 * ssh2 1.17.0 writes the algorithm of the request into the signature too, but a certificate's signature has the
 * name of its plain key. Source: lib/protocol/Protocol.js authPK(); RFC 4252 section 7; OpenSSH PROTOCOL.certkeys.
 */
export function presentCertificates(client: Client): void {
  const protocol = (client as unknown as ClientInternals)._protocol;
  const original = protocol?.authPK?.bind(protocol);
  if (protocol === undefined || original === undefined) return;
  protocol.authPK = (username, key, ...rest) => {
    const sign = rest.find((each): each is Sign => typeof each === "function");
    const signatureType = signatureTypeOf(key);
    // Without a signature, the request only asks whether the key is accepted.
    if (sign === undefined || signatureType === undefined) return original(username, key, ...rest);
    const texts = [username, "ssh-connection", "publickey"].map((each) => Buffer.from(each));
    const request = Buffer.concat([
      Buffer.of(USERAUTH_REQUEST),
      ...texts.map(withLength),
      Buffer.of(1),
      withLength(Buffer.from(key.type)),
      withLength(key.getPublicSSH()),
    ]);
    sign(Buffer.concat([withLength(protocol._kex.sessionID), request]), (raw) => {
      const signature = signatureType.startsWith("ecdsa-") ? ecdsaSignature(raw) : raw;
      const name = withLength(Buffer.from(signatureType));
      const payload = Buffer.concat([
        request,
        withLength(Buffer.concat([name, withLength(signature)])),
      ]);
      const { write } = protocol._packetRW;
      const packet = write.alloc(payload.length);
      packet.set(payload, write.allocStart);
      protocol._authsQueue.push("publickey");
      protocol._cipher.encrypt(write.finalize(packet));
    });
  };
}

/** Converts the DER sequence of two numbers. Source: RFC 5656 section 3.1.2. */
function ecdsaSignature(der: Buffer): Buffer {
  let at = der[1] === 0x81 ? 3 : 2;
  const numbers = [1, 2].map(() => {
    const length = der[at + 1] ?? 0;
    const value = der.subarray(at + 2, at + 2 + length);
    at += 2 + length;
    return withLength(value);
  });
  return Buffer.concat(numbers);
}

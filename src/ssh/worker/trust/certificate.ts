import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { ParsedKey } from "ssh2";

/** A user certificate of an SSH certificate authority. Source: OpenSSH PROTOCOL.certkeys. */
export interface Certificate {
  /** The complete certificate in wire form. */
  readonly blob: Buffer;
  /** The public key that it certifies, in wire form, in base64. */
  readonly key: string;
  readonly validFromMs: number;
  readonly validUntilMs: number;
}

/** Number of key fields after the nonce, and the names of the algorithms, by the type of the certificate. */
const KINDS: Readonly<
  Record<string, { readonly fields: number; readonly algorithm?: string; readonly hash?: string }>
> = {
  "ssh-ed25519-cert-v01@openssh.com": { fields: 1 },
  "ecdsa-sha2-nistp256-cert-v01@openssh.com": { fields: 2 },
  "ecdsa-sha2-nistp384-cert-v01@openssh.com": { fields: 2 },
  "ecdsa-sha2-nistp521-cert-v01@openssh.com": { fields: 2 },
  // SHA-1, which the name of the certificate's type means, is refused since OpenSSH 8.8.
  "ssh-rsa-cert-v01@openssh.com": { fields: 2, algorithm: "rsa-sha2-512", hash: "sha512" },
};

const SUFFIX = "-cert-v01@openssh.com";

/** Parses the text of a certificate file (`…-cert.pub`). Returns undefined if it is no user certificate. */
export function parseCertificate(text: string): Certificate | undefined {
  const [, type = "", base64 = ""] = /^\s*(\S+) ([A-Za-z0-9+/=]+)/m.exec(text) ?? [];
  const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (kind === undefined) return undefined;
  const blob = Buffer.from(base64, "base64");
  try {
    const reader = new Reader(blob);
    reader.string(); // type
    reader.string(); // nonce
    const fields = Array.from({ length: kind.fields }, () => reader.string());
    reader.skip(8); // serial
    if (reader.number() !== USER) return undefined;
    reader.string(); // key ID
    reader.string(); // principals
    const [validFromMs, validUntilMs] = [reader.timeMs(), reader.timeMs()];
    const plain = Buffer.from(type.replace(SUFFIX, ""));
    const key = Buffer.concat([plain, ...fields].map(withLength)).toString("base64");
    return { blob, key, validFromMs, validUntilMs };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** SSH_CERT_TYPE_USER */
const USER = 1;

/** A key that presents a certificate, and the name under which it signs. */
const signatureTypes = new WeakMap<object, string>();

/** Returns the name of the algorithm with which a key signs for its certificate; undefined without one. */
export const signatureTypeOf = (key: object): string | undefined => signatureTypes.get(key);

/** Returns a key that presents the certificate; {@linkcode presentCertificates} must be on for its client. */
export function certifiedKey(key: ParsedKey, { blob }: Certificate): ParsedKey {
  const type = new Reader(blob).string().toString();
  const plain = type.replace(SUFFIX, "");
  const { algorithm = plain, hash } = KINDS[type] ?? {};
  // ssh2 keeps private parts of a key under symbols, which an heir has too.
  const certified: ParsedKey = Object.create(key, {
    type: { value: `${algorithm}${SUFFIX}` },
    getPublicSSH: { value: () => blob },
    sign: { value: (data: Buffer) => key.sign(data, hash) },
  });
  signatureTypes.set(certified, algorithm);
  return certified;
}

/** Encodes a `string` of RFC 4251 section 5. */
export function withLength(content: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}

/** Reads fields of RFC 4251. Throws RangeError at the end. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  number(): number {
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  string(): Buffer {
    const length = this.number();
    if (this.#at + length > this.#bytes.length) throw new RangeError("the field is cut");
    return this.#bytes.subarray(this.#at, this.#at += length);
  }

  skip(count: number): void {
    this.#at += count;
  }

  timeMs(): number {
    const seconds = Number(this.#bytes.readBigUInt64BE(this.#at));
    this.#at += 8;
    return seconds * 1_000;
  }
}

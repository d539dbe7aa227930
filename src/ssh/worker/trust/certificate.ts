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

/** Reports whether a type of key is that of a certificate, and one whose parts are known here. */
export const isCertificateType = (type: string): boolean => Object.hasOwn(KINDS, type);

/** The parts of a certificate of any kind. Nothing is checked, not even the signature. */
export interface CertificateParts {
  /** The public key that it certifies, in wire form. */
  readonly plainKey: Buffer;
  readonly isForHosts: boolean;
  readonly principals: readonly string[];
  readonly validFromMs: number;
  readonly validUntilMs: number;
  readonly hasCriticalOptions: boolean;
  /** The key of the authority in wire form. */
  readonly authority: Buffer;
  /** What the authority has signed. */
  readonly signed: Buffer;
  readonly signature: Buffer;
}

/** Takes a certificate in wire form apart. Returns undefined if it is incomplete or has more. */
export function certificateParts(blob: Buffer): CertificateParts | undefined {
  try {
    const reader = new Reader(blob);
    const type = reader.string().toString();
    const { fields = 0 } = KINDS[type] ?? {};
    reader.string(); // nonce
    const key = Array.from({ length: fields }, () => reader.string());
    reader.skip(8); // serial
    const kind = reader.number();
    reader.string(); // key ID
    const principals = reader.list();
    const [validFromMs, validUntilMs] = [reader.timeMs(), reader.timeMs()];
    const criticalOptions = reader.string();
    reader.string(); // extensions
    reader.string(); // reserved
    const authority = reader.string();
    const signed = blob.subarray(0, reader.at);
    const signature = reader.string();
    if (fields === 0 || reader.at !== blob.length) return undefined;
    return {
      plainKey: Buffer.concat([Buffer.from(type.replace(SUFFIX, "")), ...key].map(withLength)),
      ...{ isForHosts: kind === HOST, principals, validFromMs, validUntilMs, authority },
      ...{ hasCriticalOptions: criticalOptions.length > 0, signed, signature },
    };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

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

/** SSH_CERT_TYPE_USER and SSH_CERT_TYPE_HOST. */
const USER = 1;
const HOST = 2;

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
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The number of bytes read. */
  get at(): number {
    return this.#at;
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

  /** Reads a string that consists of strings. */
  list(): string[] {
    const inner = new Reader(this.string());
    const items: string[] = [];
    while (inner.#at < inner.#bytes.length) items.push(inner.string().toString());
    return items;
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

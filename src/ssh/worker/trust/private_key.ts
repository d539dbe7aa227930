import { createPrivateKey, type KeyObject } from "node:crypto";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import { keyUnusable } from "../../errors.ts";
import { Buffer } from "node:buffer";

/**
 * The private key in a form that ssh2 takes, checked with its passphrase.
 *
 * ssh2 reads OpenSSH and the older PEM forms; keys in PKCS#8 are rewritten for it.
 *
 * @throws RemoteExecError `private_key`, each cause with its own remedy
 */
export function usablePrivateKey(
  path: string,
  text: string,
  passphrase: string | undefined,
): string {
  if (/^(ssh-|ecdsa-)/.test(text)) {
    throw keyUnusable(
      path,
      "it is a public key",
      "Set SSH_KEY to the private key (the file without .pub)",
    );
  }
  const parsed = parse(text, passphrase);
  if (!(parsed instanceof Error)) {
    const key = Array.isArray(parsed) ? parsed[0] : parsed;
    const pem = key?.getPrivatePEM() ?? "";
    const exact = key?.type.startsWith("ecdsa-") ? tidySec1(pem) : tidyPkcs1(pem);
    return exact === undefined || parse(exact) instanceof Error ? text : exact;
  }
  const rewritten = fromPkcs8(text, passphrase);
  if (typeof rewritten === "string") return rewritten;
  throw unusable(path, text, passphrase, (rewritten ?? parsed).message);
}

/** ssh2 throws for what the runtime lacks, such as P-521 in PEM. */
function parse(text: string, passphrase?: string): ReturnType<typeof ssh2.utils.parseKey> {
  try {
    return ssh2.utils.parseKey(text, passphrase);
  } catch (error) {
    return error instanceof Error ? error : new TypeError(String(error));
  }
}

function unusable(path: string, text: string, passphrase: string | undefined, reason: string) {
  const encrypted = /encrypted|passphrase/i.test(reason) || /ENCRYPTED/.test(text);
  if (encrypted && passphrase === undefined) {
    return keyUnusable(
      path,
      "it is encrypted and no passphrase is set",
      "Set SSH_KEY_PASSPHRASE, or use an agent",
    );
  }
  if (encrypted || /integrity|decrypt|bad/i.test(reason)) {
    return keyUnusable(path, "the passphrase does not fit", "Correct SSH_KEY_PASSPHRASE");
  }
  return keyUnusable(
    path,
    "Supported formats: RSA, Ed25519, ECDSA (OpenSSH or PEM)",
    `Test the key with ssh-keygen -y -f ${path}; ssh-keygen -p -f ${path} rewrites it in OpenSSH's format`,
  );
}

function olderPem(key: KeyObject): string {
  const type = key.asymmetricKeyType === "rsa" ? "pkcs1" : "sec1";
  const pem = key.export({ type, format: "pem" }).toString();
  return tidySec1(pem) ?? pem;
}

/** The key rewritten, the error that it gives even so, or undefined when it is no PKCS#8 key. */
function fromPkcs8(text: string, passphrase: string | undefined): string | Error | undefined {
  try {
    const key = createPrivateKey({
      key: text,
      format: "pem",
      ...(passphrase === undefined ? {} : { passphrase }),
    });
    const rewritten = opensshKey(key) ?? olderPem(key);
    const parsed = parse(rewritten);
    return parsed instanceof Error ? parsed : rewritten;
  } catch {
    return undefined;
  }
}

const MAGIC = Buffer.from("openssh-key-v1\0");
/** What no cipher stands for is padded to. */
const BLOCK_BYTES = 8;
/** Bytes of a coordinate of P-521. */
const FIELD_BYTES = 66;

/**
 * A private key in OpenSSH's own format, without a passphrase: the one form in which ssh2 1.17.0 takes
 * Ed25519 and ECDSA of 521 bits.
 *
 * Source: OpenSSH PROTOCOL.key; RFC 8709 section 4, RFC 5656 section 3.1 for the public part.
 *
 * @returns undefined for keys of other types
 */
export function opensshKey(key: KeyObject): string | undefined {
  const { crv, x = "", y = "", d = "" } = key.export({ format: "jwk" });
  if (crv === "Ed25519") {
    const [open, secret] = [bytes(x), bytes(d)];
    return envelope("ssh-ed25519", [open], [open, Buffer.concat([secret, open])]);
  }
  if (crv !== "P-521") return undefined;
  const point = Buffer.concat([Uint8Array.of(4), field(x), field(y)]);
  const open = [Buffer.from("nistp521"), point];
  return envelope("ecdsa-sha2-nistp521", open, [...open, positive(bytes(d))]);
}

function envelope(type: string, open: readonly Buffer[], all: readonly Buffer[]): string {
  const name = text(Buffer.from(type));
  const [none, nothing, one] = [text(Buffer.from("none")), text(Buffer.alloc(0)), number(1)];
  // Two equal numbers, by which a reader sees that the passphrase was right.
  const secret = Buffer.concat([number(0), number(0), name, ...all.map(text), nothing]);
  const missing = (BLOCK_BYTES - secret.length % BLOCK_BYTES) % BLOCK_BYTES;
  const padding = Buffer.from(Array.from({ length: missing }, (_, index) => index + 1));
  const body = Buffer.concat([
    ...[MAGIC, none, none, nothing, one],
    text(Buffer.concat([name, ...open.map(text)])),
    text(Buffer.concat([secret, padding])),
  ]).toString("base64");
  const lines = body.match(/.{1,70}/g) ?? [];
  const [begin, end] = ["-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"];
  return [begin, ...lines, end, ""].join("\n");
}

/** A `string` of RFC 4251 section 5: its length, then its bytes. */
const text = (content: Buffer): Buffer => Buffer.concat([number(content.length), content]);

function number(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

/** A positive `mpint` of RFC 4251 section 5, which has no zeros in front but one before a set bit. */
function positive(value: Buffer): Buffer {
  const start = value.findIndex((byte) => byte !== 0);
  const significant = value.subarray(start < 0 ? value.length : start);
  return (significant[0] ?? 0) < 0x80 ? significant : Buffer.concat([Buffer.alloc(1), significant]);
}

const bytes = (value: string): Buffer => Buffer.from(value, "base64url");

function field(value: string): Buffer {
  const coordinate = bytes(value);
  return Buffer.concat([Buffer.alloc(Math.max(0, FIELD_BYTES - coordinate.length)), coordinate]);
}

/** Bytes of a private scalar, by the length that the curve's parameters leave for it. */
const SCALAR_BYTES = [32, 48, 66];
const SEQUENCE = 0x30;
const OCTET_STRING = 0x04;
/** INTEGER 1, the version that begins every ECPrivateKey. */
const VERSION = Uint8Array.of(0x02, 0x01, 0x01);

/**
 * An "EC PRIVATE KEY" whose scalar has exactly the length of its field.
 *
 * OpenSSH keeps the scalar as a signed number, so about every second key has a zero in front, and
 * some are shorter. ssh2 1.17.0 copies it as it is, and Deno 2.9.4 then refuses to sign with
 * "invalid SEC1 private key". Source: RFC 5915 section 3; measured.
 *
 * @returns undefined when the text is no such key
 */
export function tidySec1(pem: string): string | undefined {
  const body = /-----BEGIN EC PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(pem)?.[1];
  if (body === undefined) return undefined;
  const padded = Buffer.from(body, "base64");
  const start = padded[1] === 0x81 ? 3 : 2;
  // ssh2 leaves the cipher's padding behind a key that was encrypted.
  const der = padded.subarray(0, start + (padded[start - 1] ?? 0));
  const scalarAt = start + VERSION.length;
  if (der[0] !== SEQUENCE || der[scalarAt] !== OCTET_STRING) return undefined;
  const length = der[scalarAt + 1] ?? 0;
  const scalar = der.subarray(scalarAt + 2, scalarAt + 2 + length);
  const significant = scalar.subarray(scalar.findIndex((byte) => byte !== 0));
  const wanted = SCALAR_BYTES.find((size) => Math.abs(size - length) <= 1) ?? length;
  const exact = Buffer.concat([Buffer.alloc(wanted - significant.length), significant]);
  const rest = der.subarray(scalarAt + 2 + length);
  const content = Buffer.concat([VERSION, Uint8Array.of(OCTET_STRING, wanted), exact, rest]);
  const head = content.length < 128 ? [SEQUENCE, content.length] : [SEQUENCE, 0x81, content.length];
  return toPem(Buffer.concat([Uint8Array.from(head), content]), "EC");
}

/**
 * An "RSA PRIVATE KEY" without the cipher's padding, which ssh2 leaves behind a key that was
 * encrypted and with which Deno 2.9.4 refuses to sign.
 *
 * @returns undefined when the text is no such key
 */
export function tidyPkcs1(pem: string): string | undefined {
  const body = /-----BEGIN RSA PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(pem)?.[1];
  if (body === undefined) return undefined;
  const der = Buffer.from(body, "base64");
  // Every key from 1024 bits on has a length of two bytes.
  if (der[0] !== SEQUENCE || der[1] !== 0x82) return undefined;
  return toPem(der.subarray(0, 4 + der.readUInt16BE(2)), "RSA");
}

function toPem(der: Buffer, kind: "EC" | "RSA"): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  const [begin, end] = [`-----BEGIN ${kind} PRIVATE KEY-----`, `-----END ${kind} PRIVATE KEY-----`];
  return [begin, ...lines, end, ""].join("\n");
}

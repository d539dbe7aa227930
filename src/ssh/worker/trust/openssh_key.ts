import { Buffer } from "node:buffer";
import type { KeyObject } from "node:crypto";

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

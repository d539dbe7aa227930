import { Buffer } from "node:buffer";

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

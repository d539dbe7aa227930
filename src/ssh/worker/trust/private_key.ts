import { createPrivateKey, type KeyObject } from "node:crypto";
import { keyUnusable } from "../../errors.ts";
import { Buffer } from "node:buffer";
import { shellWord } from "../../../shell/quote.ts";
import { parseKey } from "../ssh2.ts";

/**
 * Returns the private key in a format that ssh2 accepts, after checking the passphrase. ssh2 reads the
 * OpenSSH format and the older PEM formats; PKCS#8 keys are converted.
 *
 * @throws RemoteExecError `private_key`, with a suggestion for each cause
 */
export function usablePrivateKey(
  path: string,
  file: string,
  passphrase: string | undefined,
): string {
  const text = KEY_BLOCK.exec(file)?.[0] ?? file;
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
    if (key?.type === "ssh-dss") throw dsaKey(path);
    const pem = key?.getPrivatePEM() ?? "";
    const exact = key?.type.startsWith("ecdsa-") ? normalizeSec1(pem) : normalizePkcs1(pem);
    return exact === undefined || parse(exact) instanceof Error ? text : exact;
  }
  const rewritten = fromPkcs8(text, passphrase);
  if (typeof rewritten === "string") return rewritten;
  throw unusable(path, text, passphrase, (rewritten ?? parsed).message);
}

/** ssh2 wants no other text in the file, OpenSSH and OpenSSL allow it. */
const KEY_BLOCK = /-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[\s\S]*?-----END \1-----/;

const dsaKey = (path: string) =>
  keyUnusable(
    path,
    "it is a DSA key, which OpenSSH hosts have not accepted since 2015",
    "Create another key (`ssh-keygen -t ed25519`) and add its public key to authorized_keys on the host",
  );

/** Parses with ssh2 and returns errors, because ssh2 throws for what Deno lacks, such as P-521 in PEM. */
function parse(text: string, passphrase?: string): ReturnType<typeof parseKey> {
  try {
    return parseKey(text, passphrase);
  } catch (error) {
    return error instanceof Error ? error : new TypeError(String(error));
  }
}

function unusable(path: string, text: string, passphrase: string | undefined, reason: string) {
  const other = OTHER_FILES.find(({ sign }) => sign.test(text));
  if (other !== undefined) return keyUnusable(path, other.what, other.remedy(path));
  const encrypted = /encrypted|passphrase/i.test(reason) || /ENCRYPTED/.test(text);
  if (encrypted && passphrase === undefined) {
    return keyUnusable(
      path,
      "it is encrypted and no passphrase is set",
      "Set SSH_KEY_PASSPHRASE, or use an agent",
    );
  }
  if (encrypted || /integrity|decrypt|bad/i.test(reason)) {
    return keyUnusable(path, "the passphrase is wrong", "Correct SSH_KEY_PASSPHRASE");
  }
  return keyUnusable(
    path,
    "Supported formats: RSA, Ed25519, ECDSA (OpenSSH or PEM)",
    `Test the key with ssh-keygen -y -f ${
      shellWord(path)
    }; convert it to the OpenSSH format with ssh-keygen -p -f ${shellWord(path)}`,
  );
}

const converted = (path: string): string => shellWord(`${path}.openssh`);

/** Files that are often taken for a key. ssh2 reads PuTTY's format before version 3 (PuTTY 0.75). */
const OTHER_FILES: readonly {
  readonly sign: RegExp;
  readonly what: string;
  readonly remedy: (path: string) => string;
}[] = [
  {
    sign: /^PuTTY-User-Key-File-(?!2)/,
    what: "it is a PuTTY key",
    remedy: (path) =>
      `Convert it: puttygen ${shellWord(path)} -O private-openssh -o ${converted(path)} ` +
      "(on Windows: PuTTYgen, Conversions, Export OpenSSH key), and set SSH_KEY to the new file",
  },
  {
    sign: /^---- BEGIN SSH2 /,
    what: "it is a key of another SSH program",
    remedy: (path) =>
      `Convert it: ssh-keygen -i -f ${shellWord(path)} > ${
        converted(path)
      }, and set SSH_KEY to the new file`,
  },
  {
    sign: /^-----BEGIN CERTIFICATE-----/,
    what: "it is a certificate",
    remedy: () => "Set SSH_KEY to the file of the private key",
  },
  {
    sign: /^\s*$/,
    what: "it is empty",
    remedy: () => "Set SSH_KEY to the file of the private key",
  },
  {
    sign: /^\ufffd|\0/,
    what: "it is not UTF-8 text",
    remedy: () => "Save it as UTF-8 (PowerShell writes UTF-16), or copy the key again",
  },
];

function olderPem(key: KeyObject): string {
  const type = key.asymmetricKeyType === "rsa" ? "pkcs1" : "sec1";
  const pem = key.export({ type, format: "pem" }).toString();
  return normalizeSec1(pem) ?? pem;
}

/** Converts a PKCS#8 key. Returns ssh2's error for the result if any; undefined if it is not a PKCS#8 key. */
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
/** The format pads to this size when there is no cipher. */
const BLOCK_BYTES = 8;
/** Bytes of one coordinate of P-521. */
const FIELD_BYTES = 66;

/**
 * Converts an Ed25519 or P-521 key to the OpenSSH format without passphrase, the only format in which
 * ssh2 1.17.0 accepts these types.
 *
 * Source: OpenSSH PROTOCOL.key; RFC 8709 section 4, RFC 5656 section 3.1 for the public part.
 *
 * @returns undefined for other key types
 */
function opensshKey(key: KeyObject): string | undefined {
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
  // Two equal numbers: a reader checks them to see whether the passphrase was right.
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

/** Encodes a `string` of RFC 4251 section 5: length, then bytes. */
const text = (content: Buffer): Buffer => Buffer.concat([number(content.length), content]);

function number(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

/** Encodes a positive `mpint` of RFC 4251 section 5: no leading zeros, except one before a set high bit. */
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

/** Object identifiers of the curves P-256, P-384 and P-521, with the bytes of their scalars. */
const CURVES = [
  ["06082a8648ce3d030107", 32],
  ["06052b81040022", 48],
  ["06052b81040023", 66],
] as const;
const SEQUENCE = 0x30;
const OCTET_STRING = 0x04;
/** INTEGER 1: the version at the start of every ECPrivateKey. */
const VERSION = Uint8Array.of(0x02, 0x01, 0x01);

/**
 * Rewrites an "EC PRIVATE KEY" so that its scalar has exactly the length of the curve's field.
 *
 * OpenSSH stores the scalar as a signed number, so about every second key has a leading zero and some
 * are shorter. ssh2 1.17.0 copies it unchanged, and Deno 2.9.4 then refuses to sign with "invalid SEC1
 * private key". Source: RFC 5915 section 3; measured.
 *
 * @returns undefined if the text is not such a key
 */
function normalizeSec1(pem: string): string | undefined {
  const body = /-----BEGIN EC PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(pem)?.[1];
  if (body === undefined) return undefined;
  const padded = Buffer.from(body, "base64");
  const start = padded[1] === 0x81 ? 3 : 2;
  // ssh2 leaves the cipher's padding after a key that was encrypted.
  const der = padded.subarray(0, start + (padded[start - 1] ?? 0));
  const scalarAt = start + VERSION.length;
  if (der[0] !== SEQUENCE || der[scalarAt] !== OCTET_STRING) return undefined;
  const length = der[scalarAt + 1] ?? 0;
  const scalar = der.subarray(scalarAt + 2, scalarAt + 2 + length);
  const significant = scalar.subarray(scalar.findIndex((byte) => byte !== 0));
  const rest = der.subarray(scalarAt + 2 + length);
  const [, wanted] = CURVES.find(([oid]) => rest.includes(oid, "hex")) ?? [];
  if (wanted === undefined || wanted < significant.length) return undefined;
  const exact = Buffer.concat([Buffer.alloc(wanted - significant.length), significant]);
  const content = Buffer.concat([VERSION, Uint8Array.of(OCTET_STRING, wanted), exact, rest]);
  const head = content.length < 128 ? [SEQUENCE, content.length] : [SEQUENCE, 0x81, content.length];
  return toPem(Buffer.concat([Uint8Array.from(head), content]), "EC");
}

/**
 * Removes the cipher's padding from an "RSA PRIVATE KEY". ssh2 leaves it after a key that was
 * encrypted, and Deno 2.9.4 then refuses to sign.
 *
 * @returns undefined if the text is not such a key
 */
function normalizePkcs1(pem: string): string | undefined {
  const body = /-----BEGIN RSA PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(pem)?.[1];
  if (body === undefined) return undefined;
  const der = Buffer.from(body, "base64");
  // The DER length of every key from 1024 bits up takes two bytes.
  if (der[0] !== SEQUENCE || der[1] !== 0x82) return undefined;
  return toPem(der.subarray(0, 4 + der.readUInt16BE(2)), "RSA");
}

function toPem(der: Buffer, kind: "EC" | "RSA"): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  const [begin, end] = [`-----BEGIN ${kind} PRIVATE KEY-----`, `-----END ${kind} PRIVATE KEY-----`];
  return [begin, ...lines, end, ""].join("\n");
}

import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";

export type HostKeyType = "ed25519" | "ecdsa" | "rsa";

/**
 * Returns a new private key of the type, or the given one, as PEM that ssh2 and OpenSSH can read.
 *
 * Does not use `ssh2.utils.generateKeyPairSync()` of 1.17.0: it drops leading zeros of the
 * ed25519 public key, so that one key in 256 cannot be read (7 of 1000 measured), and its ecdsa
 * keys cannot sign in Deno (60 of 60).
 */
export function privateKeyOf(key: HostKeyType | { readonly privateKey: string }): string {
  if (typeof key === "object") return key.privateKey;
  if (key === "ecdsa") return ecdsaPrivateKey();
  return key === "rsa" ? rsaPrivateKey() : ed25519PrivateKey();
}

/** Returns type and base64, as in authorized_keys and after the host name in known_hosts. */
export function publicKeyOf(privateKey: string): string {
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  return `${key.type} ${key.getPublicSSH().toString("base64")}`;
}

const SPKI = { type: "spki", format: "pem" } as const;

/**
 * P-256 in SEC 1 form. ssh2 passes on the scalar of an OpenSSH file unchanged; where it has a
 * leading zero (19 of 40 P-256 and P-384 keys of ssh-keygen) Deno 2.9.4 refuses to sign:
 * "invalid SEC1 private key".
 */
function ecdsaPrivateKey(): string {
  const privateKeyEncoding = { type: "sec1", format: "pem" } as const;
  const options = { namedCurve: "prime256v1", privateKeyEncoding, publicKeyEncoding: SPKI };
  return generateKeyPairSync("ec", options).privateKey;
}

function rsaPrivateKey(): string {
  const privateKeyEncoding = { type: "pkcs1", format: "pem" } as const;
  const options = { modulusLength: 2048, privateKeyEncoding, publicKeyEncoding: SPKI };
  return generateKeyPairSync("rsa", options).privateKey;
}

/** Source: OpenSSH 9.2, PROTOCOL.key. */
function ed25519PrivateKey(): string {
  const { x, d } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const [point, seed] = [Buffer.from(x ?? "", "base64url"), Buffer.from(d ?? "", "base64url")];
  const type = string("ssh-ed25519");
  const secret = [Buffer.alloc(8), type, string(point), string(Buffer.concat([seed, point]))];
  // An empty comment, and padding to a multiple of eight bytes.
  const section = Buffer.concat([...secret, string(""), Buffer.of(1, 2, 3, 4, 5)]);
  const file = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    ...["none", "none", ""].map(string),
    Buffer.of(0, 0, 0, 1),
    string(Buffer.concat([type, string(point)])),
    string(section),
  ]);
  const lines = file.toString("base64").match(/.{1,70}/g) ?? [];
  const name = "OPENSSH PRIVATE KEY";
  return [`-----BEGIN ${name}-----`, ...lines, `-----END ${name}-----`, ""].join("\n");
}

function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

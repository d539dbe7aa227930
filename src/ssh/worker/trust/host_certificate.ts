import { Buffer } from "node:buffer";
import { parseKey } from "../ssh2.ts";
import {
  type CertificateParts,
  certificateParts,
  isCertificateType,
  Reader,
} from "./certificate.ts";
import { keyTypeOf } from "./known_hosts.ts";

/** What a host presented: its key, and the certificate in which it was. */
export interface PresentedKey {
  /** The key without a certificate, in wire form. */
  readonly plainKey: Uint8Array;
  readonly certificate?: CertificateParts;
}

/**
 * Takes apart what a host presented in the key exchange. The certificate, if it is one, must be checked with
 * {@linkcode certificateFault}.
 *
 * @returns undefined if it is a certificate that is incomplete or that its authority has not signed; OpenSSH
 *   ends the connection then
 */
export function presentedBy(key: Uint8Array): PresentedKey | undefined {
  if (!isCertificateType(keyTypeOf(key))) return { plainKey: key };
  const certificate = certificateParts(Buffer.from(key));
  if (certificate === undefined || isForged(certificate)) return undefined;
  return { plainKey: certificate.plainKey, certificate };
}

/**
 * Returns why a certificate does not confirm a host, as the rest of a sentence about it; undefined if it does.
 * Its authority must be compared by the caller.
 *
 * Source: OpenSSH 9.2 sshkey.c sshkey_cert_check_host().
 *
 * @param name the HostKeyAlias, or the name or address to which the connection was made
 */
export function certificateFault(
  certificate: CertificateParts,
  name: string,
  nowMs: number,
): string | undefined {
  const { isForHosts, principals, validFromMs, validUntilMs, hasCriticalOptions } = certificate;
  if (!isForHosts) return "is not for a host";
  if (nowMs < validFromMs) return `is not valid before ${new Date(validFromMs).toISOString()}`;
  if (nowMs >= validUntilMs) return `has expired at ${new Date(validUntilMs).toISOString()}`;
  // Without a name it is for every host; a pattern is a name.
  if (principals.length > 0 && !principals.includes(name)) {
    return `is for ${principals.join(", ").slice(0, MAX_SHOWN)}`;
  }
  if (hasCriticalOptions) return "has critical options, which no host certificate may have";
  return signatureOf(certificate) === undefined
    ? "is signed in a way that is not accepted here (a hardware key, or SHA-1)"
    : undefined;
}

/** Characters of names from the host that a message shows. */
const MAX_SHOWN = 200;

/** The algorithms of signatures that are accepted, and the type of key that makes each. */
const SIGNATURES: ReadonlyMap<string, { readonly keyType: string; readonly hash?: string }> =
  new Map([
    ["ssh-ed25519", { keyType: "ssh-ed25519" }],
    ...["256", "384", "521"].map((bits) =>
      [`ecdsa-sha2-nistp${bits}`, { keyType: `ecdsa-sha2-nistp${bits}` }] as const
    ),
    ["rsa-sha2-512", { keyType: "ssh-rsa", hash: "sha512" }],
    ["rsa-sha2-256", { keyType: "ssh-rsa", hash: "sha256" }],
  ]);

/** Returns the signature if it is of an accepted kind. */
function signatureOf({ signature, authority }: CertificateParts) {
  const reader = new Reader(signature);
  const name = reader.string().toString();
  const value = reader.string();
  const algorithm = SIGNATURES.get(name);
  return algorithm?.keyType === keyTypeOf(authority)
    ? { value, hash: algorithm.hash, isEcdsa: name.startsWith("ecdsa-") }
    : undefined;
}

/** A signature of a kind that cannot be checked is not forged; it confirms nothing. */
function isForged(certificate: CertificateParts): boolean {
  try {
    const made = signatureOf(certificate);
    if (made === undefined) return false;
    const { authority, signed } = certificate;
    const parsed = parseKey(`${keyTypeOf(authority)} ${authority.toString("base64")}`);
    if (parsed instanceof Error) return true;
    const value = made.isEcdsa ? derSignature(made.value) : made.value;
    // The types lack the name of the hash.
    const verify = parsed.verify.bind(parsed) as (...args: readonly unknown[]) => unknown;
    return verify(signed, value, made.hash) !== true;
  } catch {
    return true;
  }
}

/** Converts the two numbers of an ECDSA signature. Source: RFC 5656 section 3.1.2, RFC 3279 section 2.2.3. */
function derSignature(value: Buffer): Buffer {
  const reader = new Reader(value);
  const numbers = [reader.string(), reader.string()];
  const body = Buffer.concat(numbers.flatMap((each) => [Buffer.of(0x02, each.length), each]));
  return Buffer.concat([
    body.length < 0x80 ? Buffer.of(0x30, body.length) : Buffer.of(0x30, 0x81, body.length),
    body,
  ]);
}

import { createHash } from "node:crypto";
import {
  entriesFor,
  isKnownKeyType,
  keyTypeOf,
  type KnownHostEntry,
  knownHostsName,
} from "./known_hosts.ts";
import type { CertificateParts } from "./certificate.ts";
import { certificateFault } from "./host_certificate.ts";
import { systemClock } from "../../../async/clock.ts";
import type { HostConfig } from "../../../config/config.ts";

/** A host key in the form that people compare. */
export interface KeyFacts {
  readonly keyType: string;
  readonly fingerprint: string;
}

/** An expected key and its known_hosts line; a key that this process accepted earlier has no line. */
export interface ExpectedKey extends KeyFacts {
  readonly source?: string;
  readonly line?: number;
}

/**
 * `hasAuthority`: the host has a @cert-authority line, which cannot confirm a key without certificate.
 * `certificateFault`: why the certificate in which the key was does not confirm it, as the rest of a sentence.
 */
export type HostKeyDecision =
  | { readonly kind: "known"; readonly by: ExpectedKey }
  | { readonly kind: "accepted-new"; readonly presented: KeyFacts }
  | {
    readonly kind: "unknown";
    readonly presented: KeyFacts;
    readonly hasAuthority: boolean;
    readonly certificateFault?: string;
  }
  | {
    readonly kind: "changed";
    readonly presented: KeyFacts;
    readonly expected: readonly ExpectedKey[];
    readonly certificateFault?: string;
  }
  | { readonly kind: "revoked"; readonly presented: KeyFacts; readonly by: ExpectedKey };

/** The input of {@linkcode decideHostKey}. */
export interface HostKeyQuery {
  readonly host: string;
  readonly port: number;
  /** The key in wire form, without a certificate. */
  readonly key: Uint8Array;
  /** The certificate in which the key was, signed by its authority. */
  readonly certificate?: CertificateParts | undefined;
  /** HostKeyAlias, which is the name that a certificate must have in place of the host's. */
  readonly alias?: string | undefined;
  readonly nowMs?: number;
  readonly entries: readonly KnownHostEntry[];
  readonly strict: boolean;
  /** The key that this process accepted earlier as `accepted-new` for this host and port. */
  readonly remembered?: Uint8Array | undefined;
}

/**
 * Decides whether to trust the key that a host presented. Only `known` and `accepted-new` allow the
 * connection; the caller must remember an accepted key for the life of the process.
 *
 * - A revocation always wins. On a port other than 22, a revocation for the bare host name counts too.
 * - If any key is listed for the host, even one of another type, an unlisted key means `changed`.
 * - On a port other than 22, keys of the bare host name can confirm a key but not contradict it.
 * - A certificate of an authority that is listed for the host confirms its key. Any other certificate is ignored:
 *   its key is judged as if it had none.
 *
 * Source: measured with ssh 9.2p1 (StrictHostKeyChecking yes and accept-new). One difference: if a key
 * is revoked for the bare host name only, ssh with accept-new accepts it on another port.
 */
export function decideHostKey(query: HostKeyQuery): HostKeyDecision {
  const { host, port, key, entries, strict, remembered } = query;
  const presented = factsOf(key);
  const own = entriesFor(entries, knownHostsName(host, port));
  const all = port === 22 ? own : [...own, ...entriesFor(entries, knownHostsName(host, 22))];

  const revocation = all.find((entry) =>
    entry.kind === "revoked" && (isSame(entry.key, key) || isAuthority(entry.key, query))
  );
  if (revocation) return { kind: "revoked", presented, by: expectedFrom(revocation) };
  const authority = all.find((entry) =>
    entry.kind === "authority" && isAuthority(entry.key, query)
  );
  const certificateFault = faultOf(query, authority !== undefined);
  const fault = certificateFault === undefined ? {} : { certificateFault };
  if (authority && certificateFault === undefined) {
    return { kind: "known", by: expectedFrom(authority) };
  }

  const contradicting = own.filter(makesHostKnown);
  const confirming = (contradicting.length > 0 ? contradicting : all.filter(makesHostKnown))
    .find((entry) => isSame(entry.key, key));
  if (confirming) return { kind: "known", by: expectedFrom(confirming) };
  if (contradicting.length > 0) {
    const expected = contradicting.map(expectedFrom);
    return { kind: "changed", presented, expected, ...fault };
  }
  if (remembered) return decideByMemory(presented, key, remembered);
  if (!strict) return { kind: "accepted-new", presented };
  const hasAuthority = all.some((entry) => entry.kind === "authority");
  return { kind: "unknown", presented, hasAuthority, ...fault };
}

const isAuthority = (key: Uint8Array, { certificate }: HostKeyQuery): boolean =>
  certificate !== undefined && isSame(key, certificate.authority);

/** Returns why the certificate does not confirm the host; undefined if it does or if there is none. */
function faultOf(query: HostKeyQuery, isListed: boolean): string | undefined {
  const { host, alias, certificate, nowMs = systemClock.now() } = query;
  if (certificate === undefined) return undefined;
  if (!isListed) return "is of an authority that no @cert-authority line of the host has";
  return certificateFault(certificate, alias ?? host.toLowerCase(), nowMs);
}

/**
 * Returns the `algorithms.serverHostKey` list for ssh2. The host's known key types come first, so that
 * it presents a key that can be checked. The others follow, so that a host without such a key ends in
 * `changed` and not in a failed handshake. Empty if no key is known: use the library's order then.
 * (ssh2's own `prepend` does not move names that are already in its list.)
 */
export function preferredHostKeyTypes(
  entries: readonly KnownHostEntry[],
  host: string,
  port: number,
): string[] {
  const names = [knownHostsName(host, port), knownHostsName(host, 22)];
  const known = names
    .map((name) => algorithmsOf(entriesFor(entries, name).filter(makesHostKnown)))
    .find((algorithms) => algorithms.length > 0);
  return known === undefined ? [] : [...new Set([...known, ...ALGORITHMS])];
}

/** Returns `SHA256:…` without padding, as `ssh-keygen -l` prints it. */
export const fingerprint = (key: Uint8Array): string =>
  `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;

/** Source: DEFAULT_SERVER_HOST_KEY in ssh2 1.17.0 lib/protocol/constants.js; ssh-dss is left out. */
const ALGORITHMS: readonly string[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
  "ssh-rsa",
];

const RSA_ALGORITHMS: readonly string[] = ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"];

/** In the library's order, not the file's, so the strongest known key type is requested first. */
function algorithmsOf(entries: readonly KnownHostEntry[]): string[] {
  const types = new Set(entries.map((entry) => entry.keyType));
  return ALGORITHMS.filter((name) => types.has(RSA_ALGORITHMS.includes(name) ? "ssh-rsa" : name));
}

function decideByMemory(
  presented: KeyFacts,
  key: Uint8Array,
  remembered: Uint8Array,
): HostKeyDecision {
  const expected = factsOf(remembered);
  return isSame(remembered, key)
    ? { kind: "known", by: expected }
    : { kind: "changed", presented, expected: [expected] };
}

const makesHostKnown = (entry: KnownHostEntry): boolean =>
  entry.kind === "key" && isKnownKeyType(entry.keyType);

const factsOf = (key: Uint8Array): KeyFacts => ({
  keyType: keyTypeOf(key),
  fingerprint: fingerprint(key),
});

const expectedFrom = ({ key, source, line }: KnownHostEntry): ExpectedKey => ({
  ...factsOf(key),
  source,
  line,
});

const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, index) => byte === other[index]);

/** The host and its known_hosts files; the first file is the user's own. */
export type HostPlace = Pick<
  HostConfig,
  "host" | "alias" | "port" | "knownHostsPaths" | "hostKeyAlias" | "jumps"
>;

/** Returns the name and port that a host has in known_hosts. Source: OpenSSH 9.2 sshconnect.c, HostKeyAlias. */
export const keyPlace = ({ host, port, hostKeyAlias }: HostPlace): { host: string; port: number } =>
  hostKeyAlias === undefined ? { host, port } : { host: hostKeyAlias, port: 22 };

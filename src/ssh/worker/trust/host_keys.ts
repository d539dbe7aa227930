import { createHash } from "node:crypto";
import {
  entriesFor,
  isKnownKeyType,
  keyTypeOf,
  type KnownHostEntry,
  knownHostsName,
} from "./known_hosts.ts";
import type { SshConfig } from "../../../config/config.ts";
import { RemoteExecError } from "../../../errors.ts";
import { shellQuote } from "../../../shell/quote.ts";

/** A key as people compare it. */
export interface KeyFacts {
  readonly keyType: string;
  readonly fingerprint: string;
}

/** A key that was expected. `line` and `source` are missing for one accepted by this process. */
export interface ExpectedKey extends KeyFacts {
  readonly source?: string;
  readonly line?: number;
}

/** `hasAuthority`: the host has a @cert-authority line, which cannot vouch for a plain key. */
export type HostKeyDecision =
  | { readonly kind: "known"; readonly by: ExpectedKey }
  | { readonly kind: "accepted-new"; readonly presented: KeyFacts }
  | { readonly kind: "unknown"; readonly presented: KeyFacts; readonly hasAuthority: boolean }
  | {
    readonly kind: "changed";
    readonly presented: KeyFacts;
    readonly expected: readonly ExpectedKey[];
  }
  | { readonly kind: "revoked"; readonly presented: KeyFacts; readonly by: ExpectedKey };

export interface HostKeyQuery {
  readonly host: string;
  readonly port: number;
  /** The wire form, as ssh2's `hostVerifier` gets it without `hostHash`. */
  readonly key: Uint8Array;
  readonly entries: readonly KnownHostEntry[];
  readonly strict: boolean;
  /** The key that was `accepted-new` for this host and port earlier in this process. */
  readonly remembered?: Uint8Array | undefined;
}

/**
 * Decides whether a host may be trusted by the key it presented. Only `known` and `accepted-new`
 * allow the connection; the caller remembers an accepted key for the life of the process.
 *
 * - A revocation beats everything, also one written for the bare host when the port is not 22.
 * - A host with any listed key, even one of another type only, has changed when it shows another.
 * - On a port other than 22 the bare host's keys can confirm a key, never contradict one.
 *
 * Source: measured with ssh 9.2p1 (StrictHostKeyChecking yes and accept-new). It differs where a
 * key is revoked for the bare host only: ssh with accept-new takes it on another port.
 */
export function decideHostKey(query: HostKeyQuery): HostKeyDecision {
  const { host, port, key, entries, strict, remembered } = query;
  const presented = factsOf(key);
  const own = entriesFor(entries, knownHostsName(host, port));
  const all = port === 22 ? own : [...own, ...entriesFor(entries, knownHostsName(host, 22))];

  const revocation = all.find((entry) => entry.kind === "revoked" && isSame(entry.key, key));
  if (revocation) return { kind: "revoked", presented, by: expectedFrom(revocation) };

  const contradicting = own.filter(makesHostKnown);
  const confirming = (contradicting.length > 0 ? contradicting : all.filter(makesHostKnown))
    .find((entry) => isSame(entry.key, key));
  if (confirming) return { kind: "known", by: expectedFrom(confirming) };
  if (contradicting.length > 0) {
    return { kind: "changed", presented, expected: contradicting.map(expectedFrom) };
  }
  if (remembered) return decideByMemory(presented, key, remembered);
  if (!strict) return { kind: "accepted-new", presented };
  return { kind: "unknown", presented, hasAuthority: all.some((e) => e.kind === "authority") };
}

/**
 * The complete `algorithms.serverHostKey` list for ssh2: what is known of the host first, so that
 * the host shows a key that can be checked, then the rest, so that a host without it ends in
 * `changed` and not in a failed handshake. Empty when nothing is known: use the library's order.
 * (ssh2's own `prepend` cannot do this, it leaves names already in its list where they are.)
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

/** `SHA256:…` without padding, as `ssh-keygen -l` prints it. */
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

/** In the library's order, not the file's: the strongest known key is asked for first. */
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

/** The decisions that refuse a connection. */
export type HostKeyRefusal = Extract<
  HostKeyDecision,
  { readonly kind: "unknown" | "changed" | "revoked" }
>;

/** The host, and the files that its key is looked for in; the first one is the user's. */
export type HostPlace = Pick<SshConfig, "host" | "port" | "knownHostsPaths">;

/**
 * The error for a refused host key: code `host_key_unknown` for a host nothing is known about,
 * `host_key_changed` for a changed or revoked key.
 */
export function hostKeyError(place: HostPlace, refusal: HostKeyRefusal): RemoteExecError {
  if (refusal.kind === "unknown") return hostKeyUnknown(place, refusal);
  return refusal.kind === "changed"
    ? hostKeyChanged(place, refusal)
    : hostKeyRevoked(place.host, refusal);
}

/** The shell line that adds a host's keys to the known_hosts file that is read. */
export function keyscanCommand({ host, port, knownHostsPaths }: HostPlace): string {
  const file = shellWord(knownHostsPaths[0] ?? "known_hosts");
  return `ssh-keyscan -H ${port === 22 ? "" : `-p ${port} `}${shellWord(host)} >> ${file}`;
}

const hostKeyUnknown = (
  place: HostPlace,
  { presented, hasAuthority }: Extract<HostKeyRefusal, { readonly kind: "unknown" }>,
): RemoteExecError =>
  new RemoteExecError(
    "host_key_unknown",
    `Server '${place.host}' not found in known_hosts: its ${describe(presented)}` +
      (hasAuthority ? " (its @cert-authority line cannot be used, the key is no certificate)" : ""),
    `Add it with \`${keyscanCommand(place)}\` and compare the fingerprint with the host's ` +
      "own, or set SSH_STRICT_HOST_KEY_CHECKING=false to accept hosts that are not listed",
  );

const hostKeyChanged = (
  place: HostPlace,
  { presented, expected }: Extract<HostKeyRefusal, { readonly kind: "changed" }>,
): RemoteExecError =>
  new RemoteExecError(
    "host_key_changed",
    `The host key of '${place.host}' has changed: got ${presented.keyType} ${presented.fingerprint}, ` +
      `known is ${expected.map(describeExpected).join(" and ")}`,
    "Find out why (the host was reinstalled, or somebody stands in between), and only then " +
      removal(place, expected),
  );

const hostKeyRevoked = (
  host: string,
  { presented, by }: Extract<HostKeyRefusal, { readonly kind: "revoked" }>,
): RemoteExecError =>
  new RemoteExecError(
    "host_key_changed",
    `The host key of '${host}' is revoked: its ${describe(presented)}, refused by ${placeOf(by)}`,
    "Do not connect before the host has a new key, and ask who marked this one as @revoked",
  );

const describe = (key: KeyFacts): string => `${key.keyType} key is ${key.fingerprint}`;

const describeExpected = (key: ExpectedKey): string =>
  `${key.keyType} ${key.fingerprint} (${placeOf(key)})`;

const placeOf = ({ source, line }: ExpectedKey): string =>
  source === undefined ? "accepted earlier by this process" : `${source}:${line}`;

function removal(place: HostPlace, expected: readonly ExpectedKey[]): string {
  const sources = new Set(expected.flatMap(({ source }) => source === undefined ? [] : [source]));
  if (sources.size === 0) return "restart this server";
  const name = shellWord(knownHostsName(place.host, place.port));
  const commands = [...sources].map((file) => `\`ssh-keygen -R ${name} -f ${shellWord(file)}\``);
  return `run ${commands.join(" and ")} and then \`${keyscanCommand(place)}\``;
}

const shellWord = (word: string): string => /^[\w./:%@+-]+$/.test(word) ? word : shellQuote(word);

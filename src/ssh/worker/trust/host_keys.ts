import { createHash } from "node:crypto";
import { dirname } from "node:path";
import {
  entriesFor,
  isKnownKeyType,
  keyTypeOf,
  type KnownHostEntry,
  knownHostsName,
} from "./known_hosts.ts";
import type { HostConfig } from "../../../config/config.ts";
import { RemoteExecError } from "../../../errors.ts";
import { shellWord } from "../../../shell/quote.ts";

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

/** `hasAuthority`: the host has a @cert-authority line, which cannot confirm a key without certificate. */
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

/** The input of {@linkcode decideHostKey}. */
export interface HostKeyQuery {
  readonly host: string;
  readonly port: number;
  /** The key in wire form, as ssh2 passes it to `hostVerifier` when `hostHash` is not set. */
  readonly key: Uint8Array;
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
 *
 * Source: measured with ssh 9.2p1 (StrictHostKeyChecking yes and accept-new). One difference: if a key
 * is revoked for the bare host name only, ssh with accept-new accepts it on another port.
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

/** The decisions that refuse the connection. */
export type HostKeyRefusal = Extract<
  HostKeyDecision,
  { readonly kind: "unknown" | "changed" | "revoked" }
>;

/** The host and its known_hosts files; the first file is the user's own. */
export type HostPlace = Pick<
  HostConfig,
  "host" | "alias" | "port" | "knownHostsPaths" | "hostKeyAlias" | "jumps"
>;

/** Returns the name and port that a host has in known_hosts. Source: OpenSSH 9.2 sshconnect.c, HostKeyAlias. */
export const keyPlace = ({ host, port, hostKeyAlias }: HostPlace): { host: string; port: number } =>
  hostKeyAlias === undefined ? { host, port } : { host: hostKeyAlias, port: 22 };

/**
 * Returns the error for a refused host key: `host_key_unknown` if no key of the host is listed,
 * `host_key_changed` if the key has changed or is revoked.
 */
export function hostKeyError(place: HostPlace, refusal: HostKeyRefusal): RemoteExecError {
  if (refusal.kind === "unknown") return hostKeyUnknown(place, refusal);
  return refusal.kind === "changed"
    ? hostKeyChanged(place, refusal)
    : hostKeyRevoked(place.host, refusal);
}

/**
 * Returns the shell command that adds the host's keys to the first known_hosts file, in a directory that
 * may not exist yet.
 */
export function keyscanCommand(place: HostPlace): string {
  const { host, alias, port, knownHostsPaths, hostKeyAlias, jumps = [] } = place;
  // ssh-keyscan cannot connect through another host.
  if (jumps.length > 0) return `ssh ${shellWord(alias ?? host)}`;
  const file = knownHostsPaths.find((path) => path !== "/dev/null") ?? "known_hosts";
  const address = `${port === 22 ? "" : `-p ${port} `}${shellWord(host)}`;
  const keys = hostKeyAlias === undefined
    ? `ssh-keyscan -H ${address}`
    : `ssh-keyscan ${address} | sed ${shellWord(`s/^[^ ]*/${hostKeyAlias}/`)}`;
  const scan = `${keys} >> ${shellWord(file)}`;
  const directory = dirname(file);
  return [".", "/", "/etc/ssh"].includes(directory)
    ? scan
    : `mkdir -p -m 700 ${shellWord(directory)} && ${scan}`;
}

/** Returns the command of this program that adds the host's keys. */
export function trustCommand({ host, alias, port }: HostPlace): string {
  const address = port === 22 ? host : `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return `mcp-remote-exec trust ${shellWord(alias ?? address)}`;
}

const hostKeyUnknown = (
  place: HostPlace,
  { presented, hasAuthority }: Extract<HostKeyRefusal, { readonly kind: "unknown" }>,
): RemoteExecError =>
  new RemoteExecError(
    "host_key_unknown",
    `Server '${place.host}' not found in known_hosts: its ${describe(presented)}` +
      (hasAuthority
        ? " (its @cert-authority line does not apply: the key is not a certificate)"
        : ""),
    `Run \`${trustCommand(place)}\`, or add it with \`${
      keyscanCommand(place)
    }\`, and compare the ` +
      "fingerprint on the host itself, " +
      "or set SSH_STRICT_HOST_KEY_CHECKING=false to accept unlisted hosts",
  );

const hostKeyChanged = (
  place: HostPlace,
  { presented, expected }: Extract<HostKeyRefusal, { readonly kind: "changed" }>,
): RemoteExecError =>
  new RemoteExecError(
    "host_key_changed",
    `The host key of '${place.host}' has changed: got ${presented.keyType} ${presented.fingerprint}, ` +
      `expected ${expected.map(describeExpected).join(" and ")}`,
    "Find out why (the host was reinstalled, or the connection is intercepted), and only then " +
      removal(place, expected),
  );

const hostKeyRevoked = (
  host: string,
  { presented, by }: Extract<HostKeyRefusal, { readonly kind: "revoked" }>,
): RemoteExecError =>
  new RemoteExecError(
    "host_key_changed",
    `The host key of '${host}' is revoked: its ${describe(presented)}, refused by ${placeOf(by)}`,
    "Do not connect until the host has a new key, and ask who marked this one as @revoked",
  );

const describe = (key: KeyFacts): string => `${key.keyType} key is ${key.fingerprint}`;

const describeExpected = (key: ExpectedKey): string =>
  `${key.keyType} ${key.fingerprint} (${placeOf(key)})`;

const placeOf = ({ source, line }: ExpectedKey): string =>
  source === undefined ? "accepted earlier by this process" : `${source}:${line}`;

function removal(place: HostPlace, expected: readonly ExpectedKey[]): string {
  const sources = new Set(expected.flatMap(({ source }) => source === undefined ? [] : [source]));
  if (sources.size === 0) return "restart this server";
  const { host, port } = keyPlace(place);
  const name = shellWord(knownHostsName(host, port));
  const commands = [...sources].map((file) => `\`ssh-keygen -R ${name} -f ${shellWord(file)}\``);
  return `run ${commands.join(" and ")} and then \`${keyscanCommand(place)}\``;
}

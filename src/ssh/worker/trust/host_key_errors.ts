import type { SshConfig } from "../../../config/config.ts";
import { RemoteExecError } from "../../../errors.ts";
import { shellQuote } from "../../../shell/quote.ts";
import type { ExpectedKey, HostKeyDecision, KeyFacts } from "./host_keys.ts";
import { knownHostsName } from "./known_hosts.ts";

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

import { dirname } from "node:path";
import { RemoteExecError } from "../../../errors.ts";
import { shellWord } from "../../../shell/quote.ts";
import {
  type ExpectedKey,
  type HostKeyDecision,
  type HostPlace,
  type KeyFacts,
  keyPlace,
} from "./host_keys.ts";
import { knownHostsName } from "./known_hosts.ts";

/** The decisions that refuse the connection. */
export type HostKeyRefusal = Extract<
  HostKeyDecision,
  { readonly kind: "unknown" | "changed" | "revoked" }
>;

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

/** Returns the error for a certificate that its authority has not signed, or that is incomplete. */
export const forgedCertificate = (host: string): RemoteExecError =>
  new RemoteExecError(
    "host_key_changed",
    `The host certificate of '${host}' has no valid signature of its authority`,
    "Do not connect until the host has a new certificate, and find out where this one comes from",
  );

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
  { presented, hasAuthority, certificateFault: fault }: Extract<
    HostKeyRefusal,
    { readonly kind: "unknown" }
  >,
): RemoteExecError =>
  new RemoteExecError(
    "host_key_unknown",
    `Server '${place.host}' not found in known_hosts: its ${describe(presented)}` +
      (fault === undefined && hasAuthority
        ? " (its @cert-authority line does not apply: the key is not a certificate)"
        : describeFault(fault)),
    `Run \`${trustCommand(place)}\`, or add it with \`${
      keyscanCommand(place)
    }\`, and compare the ` +
      "fingerprint on the host itself, " +
      "or set SSH_STRICT_HOST_KEY_CHECKING=false to accept unlisted hosts",
  );

const hostKeyChanged = (
  place: HostPlace,
  { presented, expected, certificateFault }: Extract<HostKeyRefusal, { readonly kind: "changed" }>,
): RemoteExecError =>
  new RemoteExecError(
    "host_key_changed",
    `The host key of '${place.host}' has changed: got ${presented.keyType} ${presented.fingerprint}, ` +
      `expected ${expected.map(describeExpected).join(" and ")}` + describeFault(certificateFault),
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

const describeFault = (fault: string | undefined): string =>
  fault === undefined ? "" : ` (its certificate ${fault})`;

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

import type { HostConfig, SshConfig } from "../../config/config.ts";
import { shownValue } from "../../config/environment.ts";
import { printable, RemoteExecError } from "../../errors.ts";
import { hostAndPort, nameOf } from "../../sandbox/permissions.ts";
import { shellWord } from "../../shell/quote.ts";
import {
  checkedKeys,
  type HostKeysPort,
  type OfferedKey,
  type OfferedKeys,
} from "../../ssh/host_keys_port.ts";
import { parseHost } from "../install/variables.ts";
import { readIfExists, replaceFile } from "../replace_file.ts";
import type { Terminal } from "../terminal.ts";
import { withKeys } from "./known_hosts_lines.ts";

/** What `trust` works with. */
export interface TrustContext {
  readonly ssh: SshConfig;
  readonly port: HostKeysPort;
  readonly terminal: Terminal;
  /** The expected fingerprints; with one or more, nothing is asked. */
  readonly expected: readonly string[];
}

/**
 * Shows the keys of a host and adds those that the user confirms to known_hosts. A jump host without a known key
 * comes first.
 *
 * @returns the exit code: 0 if a key of the host is known in the end, else 1
 * @throws RemoteExecError when a host cannot be reached, a key has changed, or the file cannot be written
 */
export async function runTrust(context: TrustContext): Promise<number> {
  const { ssh, port, terminal } = context;
  const way: HostConfig[] = [...ssh.jumps ?? [], ssh];
  const unclaimed = new Set(context.expected);
  for (const [hop, host] of way.entries()) {
    const isLast = hop === way.length - 1;
    const offered = checkedKeys(await port.offeredKeys(hop));
    for (const { fingerprint } of offered.keys) unclaimed.delete(fingerprint);
    const isKnown = offered.keys.some(({ standing }) => standing === "known");
    if (!isLast && isKnown) continue;
    terminal.print(describe(host, offered, way.slice(0, hop)));
    refuseContradiction(host, offered);
    // Of the host itself, no key is added if one of the expected ones is missing.
    if (isLast && unclaimed.size > 0) throw notOffered(host, [...unclaimed]);
    const isTrusted = add(host, offered, context);
    if (!isTrusted && !isKnown) return 1;
  }
  return 0;
}

/** Returns the parts of `HOST` or `HOST:PORT`. @throws RemoteExecError `configuration` */
export function parseTarget(text: string): { readonly host: string; readonly port?: string } {
  const { user, ...target } = parseHost(text);
  if (user === undefined) return target;
  throw new RemoteExecError(
    "configuration",
    "the keys of a host do not depend on the user",
    "Write HOST or HOST:PORT",
  );
}

/** Returns the fingerprints as they are shown. @throws RemoteExecError `configuration` */
export const checkFingerprints = (words: readonly string[]): string[] =>
  words.map((word) => {
    if (/^SHA256:[A-Za-z0-9+/]{43}=?$/.test(word)) return word.replace("=", "");
    throw new RemoteExecError(
      "configuration",
      `no fingerprint: ${shownValue(word)}`,
      "Pass --yes SHA256:... as `ssh-keygen -l` prints it",
    );
  });

function describe(host: HostConfig, { keys }: OfferedKeys, before: readonly HostConfig[]): string {
  const address = hostAndPort(host.host, host.port);
  const name = host.alias === undefined ? address : `${host.alias} (${address})`;
  const through = before.length === 0 ? "" : ` through ${before.map(nameOf).join(", ")}`;
  const rows = keys.map(({ keyType, fingerprint, standing, lines }) => {
    const places = lines.map(({ place }) => printable(place)).join(", ");
    const row = `  ${keyType.padEnd(20)} ${fingerprint}  ${standing}`;
    return places === "" ? row : `${row} (${places})`;
  });
  return `${name}${through}\n${rows.join("\n")}\n`;
}

function refuseContradiction(host: HostConfig, { name, keys }: OfferedKeys): void {
  const revoked = keys.find(({ standing }) => standing === "revoked");
  if (revoked !== undefined) {
    throw new RemoteExecError(
      "host_key_changed",
      `A key of ${
        nameOf(host)
      } is revoked: ${revoked.keyType} ${revoked.fingerprint}; nothing was added`,
      "Do not connect until the host has a new key, and ask who marked this one as @revoked",
    );
  }
  const changed = keys.filter(({ standing }) => standing === "changed");
  if (changed.length === 0) return;
  const lines = changed.flatMap((key) => key.lines);
  const known = new Map(lines.map((line) => [line.place, line]));
  const expected = [...known.values()].map(({ keyType, fingerprint, place }) =>
    `${keyType} ${fingerprint} (${place})`
  );
  const commands = [...new Set(lines.map(({ file }) => file))].map((file) =>
    `ssh-keygen -R ${shellWord(name)} -f ${shellWord(file)}`
  );
  throw new RemoteExecError(
    "host_key_changed",
    `The keys of ${nameOf(host)} have changed: expected ${
      expected.join(" and ")
    }; nothing was added`,
    "Find out why (the host was reinstalled, or the connection is intercepted), and only then remove " +
      `${known.size === 1 ? "that line" : "those lines"} with ${commands.join(" and ")}`,
  );
}

/** Returns false if the user confirmed no key. */
function add(host: HostConfig, offered: OfferedKeys, context: TrustContext): boolean {
  const { terminal, expected } = context;
  const fresh = offered.keys.filter(({ standing }) => standing === "new");
  if (fresh.length === 0) {
    terminal.print(`Known: nothing was added.\n`);
    return true;
  }
  const path = fileOf(host);
  const chosen = expected.length > 0
    ? fresh.filter(({ fingerprint }) => expected.includes(fingerprint))
    : ask(host, path, fresh, terminal);
  if (chosen.length === 0) {
    if (expected.length === 0 || offered.keys.some((key) => isExpected(key, expected))) {
      return false;
    }
    throw notOffered(host, expected);
  }
  const before = readIfExists(path);
  replaceFile({ path, text: withKeys(before ?? "", offered.name, chosen), before });
  const types = chosen.map(({ keyType }) => keyType).join(", ");
  terminal.print(`Added to ${printable(path)}: ${types}\n`);
  return true;
}

const isExpected = ({ fingerprint }: OfferedKey, expected: readonly string[]): boolean =>
  expected.includes(fingerprint);

function ask(
  host: HostConfig,
  path: string,
  keys: readonly OfferedKey[],
  terminal: Terminal,
): readonly OfferedKey[] {
  if (!terminal.isInteractive) {
    throw new RemoteExecError(
      "configuration",
      `nobody can confirm the keys of ${nameOf(host)}: this is no terminal; nothing was added`,
      "Pass the fingerprint that you expect: --yes SHA256:...",
    );
  }
  terminal.printError(
    "Compare these fingerprints with those on the host itself: " +
      "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n",
  );
  const answer = terminal.ask(
    `Add the new keys to ${printable(path)} (yes, no or a fingerprint)? `,
  );
  if (/^yes$/i.test(answer)) return keys;
  const named = keys.filter(({ fingerprint }) => fingerprint === answer);
  if (named.length === 0) {
    terminal.print(
      answer.startsWith("SHA256:")
        ? "No new key has this fingerprint: nothing was added.\n"
        : "Nothing was added.\n",
    );
  }
  return named;
}

function fileOf(host: HostConfig): string {
  const path = host.knownHostsPaths.find((each) => each !== "/dev/null");
  if (path !== undefined) return path;
  throw new RemoteExecError(
    "configuration",
    `${nameOf(host)} has no known_hosts file`,
    "Set SSH_KNOWN_HOSTS or UserKnownHostsFile to a file",
  );
}

const notOffered = (host: HostConfig, expected: readonly string[]) =>
  new RemoteExecError(
    "host_key_unknown",
    `${nameOf(host)} does not offer the expected key ${
      expected.map((each) => printable(each)).join(", ")
    }; nothing was added`,
    "Compare the fingerprint on the host itself; another host may have answered",
  );

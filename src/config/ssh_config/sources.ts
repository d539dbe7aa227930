import type { ValueSource } from "../config.ts";
import { formatPlace } from "./evaluate.ts";
import type { HostSettings, Sourced } from "./host_settings.ts";
import type { Keyword } from "./keywords.ts";

/** Keywords whose values are shown as they are written. */
const PLAIN: readonly (readonly [Keyword, string])[] = [
  ["identitiesonly", "IdentitiesOnly"],
  ["hostkeyalias", "HostKeyAlias"],
  ["hostkeyalgorithms", "HostKeyAlgorithms"],
  ["kexalgorithms", "KexAlgorithms"],
  ["ciphers", "Ciphers"],
  ["macs", "MACs"],
  ["connecttimeout", "ConnectTimeout"],
  ["serveraliveinterval", "ServerAliveInterval"],
  ["serveralivecountmax", "ServerAliveCountMax"],
  ["addressfamily", "AddressFamily"],
  ["stricthostkeychecking", "StrictHostKeyChecking"],
  ["proxyjump", "ProxyJump"],
];

/** Returns the values of a host that come from the SSH configuration, each with its file and line. */
export function sourcesOf(settings: HostSettings, usesKeys: boolean): ValueSource[] {
  const found: readonly (readonly [string, Sourced<unknown> | undefined])[] = [
    ["HostName", settings.hostname],
    ["Port", settings.port],
    ["User", settings.user],
    ...(usesKeys
      ? [
        ["IdentityAgent", settings.identityAgent] as const,
        ...(settings.identityFiles ?? []).map((each) => ["IdentityFile", each] as const),
        ...settings.certificateFiles.map((each) => ["CertificateFile", each] as const),
      ]
      : []),
    ...(settings.userKnownHosts ?? []).map((each) => ["UserKnownHostsFile", each] as const),
    ...(settings.globalKnownHosts ?? []).map((each) => ["GlobalKnownHostsFile", each] as const),
    ...PLAIN.map(([keyword, name]) => [name, settings.text(keyword)] as const),
  ];
  return found.flatMap(([keyword, each]) =>
    each?.place === undefined
      ? []
      : [{ keyword, value: String(each.value), place: formatPlace(each.place) }]
  );
}

import type { AlgorithmsConfig } from "../config.ts";
import { formatPlace } from "./evaluate.ts";
import { ConfigFault } from "./files.ts";
import type { HostSettings } from "./host_settings.ts";
import type { Keyword } from "./keywords.ts";
import { matchesList } from "./patterns.ts";

/** A list of algorithms: what is offered by default, and what may be chosen besides. */
interface Offer {
  readonly keyword: Keyword;
  readonly name: keyof AlgorithmsConfig;
  readonly defaults: readonly string[];
  readonly others: readonly string[];
}

/**
 * What ssh2 offers on Deno, and the host certificates of `src/ssh/worker/connection/host_certificates.ts`. chacha20-poly1305 is first because it is the fastest cipher there (about 1.5 ×
 * AES-GCM). Without ecdh-sha2-nistp521, which Deno cannot compute ("invalid curve").
 *
 * Source: ssh2 1.17.0 lib/protocol/constants.js.
 */
export const OFFERS: readonly Offer[] = [
  {
    keyword: "kexalgorithms",
    name: "kex",
    defaults: [
      "curve25519-sha256@libssh.org",
      "curve25519-sha256",
      "ecdh-sha2-nistp256",
      "ecdh-sha2-nistp384",
      "diffie-hellman-group-exchange-sha256",
      "diffie-hellman-group14-sha256",
      "diffie-hellman-group15-sha512",
      "diffie-hellman-group16-sha512",
      "diffie-hellman-group17-sha512",
      "diffie-hellman-group18-sha512",
    ],
    others: [
      "diffie-hellman-group-exchange-sha1",
      "diffie-hellman-group14-sha1",
      "diffie-hellman-group1-sha1",
    ],
  },
  {
    keyword: "ciphers",
    name: "cipher",
    defaults: [
      "chacha20-poly1305@openssh.com",
      "aes128-gcm@openssh.com",
      "aes256-gcm@openssh.com",
      "aes128-ctr",
      "aes192-ctr",
      "aes256-ctr",
    ],
    others: ["aes256-cbc", "aes128-cbc"],
  },
  {
    keyword: "macs",
    name: "hmac",
    defaults: [
      "hmac-sha2-256-etm@openssh.com",
      "hmac-sha2-512-etm@openssh.com",
      "hmac-sha1-etm@openssh.com",
      "hmac-sha2-256",
      "hmac-sha2-512",
      "hmac-sha1",
    ],
    others: [],
  },
  {
    keyword: "hostkeyalgorithms",
    name: "serverHostKey",
    defaults: [
      ...[
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "rsa-sha2-512",
        "rsa-sha2-256",
      ].map((name) => `${name}-cert-v01@openssh.com`),
      "ssh-ed25519",
      "ecdsa-sha2-nistp256",
      "ecdsa-sha2-nistp384",
      "ecdsa-sha2-nistp521",
      "rsa-sha2-512",
      "rsa-sha2-256",
      "ssh-rsa",
    ],
    others: [],
  },
];

/**
 * Returns the lists that the SSH configuration sets for a host, without names that ssh2 does not have;
 * undefined if it sets none.
 *
 * @throws ConfigFault if none of the names is left
 */
export function chosenAlgorithms(settings: HostSettings): AlgorithmsConfig | undefined {
  const chosen = OFFERS.flatMap(({ keyword, name, defaults, others }) => {
    const spec = settings.text(keyword);
    if (spec === undefined) return [];
    const all = [...defaults, ...others];
    const names = assembleNames(spec.value, defaults, all);
    if (names.length > 0) return [[name, names] as const];
    throw new ConfigFault(
      `${
        spec.place === undefined ? "" : `${formatPlace(spec.place)}: `
      }${keyword} leaves nothing that this server has`,
      `Add one of ${all.slice(0, 4).join(", ")}`,
    );
  });
  return chosen.length === 0 ? undefined : Object.fromEntries(chosen);
}

/**
 * Applies a list of algorithms to the default one: `+` appends, `-` removes, `^` puts first, and any other
 * list replaces it. Names after `+` and `^` may be patterns for names in `all`.
 *
 * Source: OpenSSH 9.2 kex.c kex_assemble_names().
 */
export function assembleNames(
  spec: string | undefined,
  defaults: readonly string[],
  all: readonly string[],
): string[] {
  if (spec === undefined || spec === "") return [...defaults];
  const names = spec.slice(1);
  switch (spec[0]) {
    case "+":
      return [...new Set([...defaults, ...named(names, all)])];
    case "-":
      return defaults.filter((name) => !matchesList(name, names));
    case "^":
      return [...new Set([...named(names, all), ...defaults])];
    default:
      return named(spec, all);
  }
}

/** In the order of the list; the names of one pattern in the order of `all`. */
const named = (list: string, all: readonly string[]): string[] => [
  ...new Set(list.split(",").flatMap((each) => all.filter((name) => matchesList(name, each)))),
];

import { formatPlace, type Place } from "./evaluate.ts";
import { ConfigFault } from "./files.ts";
import type { HostSettings } from "./host_settings.ts";
import type { Keyword } from "./keywords.ts";

/** Keywords that would need a right which this server does not have, and what to do instead. */
const REFUSED: readonly {
  readonly keyword: Keyword;
  readonly name: string;
  readonly why: string;
  readonly remedy: string;
}[] = [
  {
    keyword: "proxycommand",
    name: "ProxyCommand",
    why: "runs a program",
    remedy: "Write ProxyJump for this host instead (`ssh -W %h:%p bastion` is ProxyJump bastion)",
  },
  {
    keyword: "knownhostscommand",
    name: "KnownHostsCommand",
    why: "runs a program",
    remedy: "Write the keys to a file and name it in UserKnownHostsFile",
  },
  {
    keyword: "pkcs11provider",
    name: "PKCS11Provider",
    why: "loads a library for a hardware key",
    remedy: "Add the key to an agent, and set PKCS11Provider none for this host",
  },
  {
    keyword: "revokedhostkeys",
    name: "RevokedHostKeys",
    why: "is a list that this server does not read",
    remedy: "Mark the keys as @revoked in known_hosts, and set RevokedHostKeys none for this host",
  },
  {
    keyword: "refuseconnection",
    name: "RefuseConnection",
    why: "forbids the connection",
    remedy: "Remove the line, or choose another HOST",
  },
];

/** Returns why a host cannot be used with its configuration; undefined if it can. */
export function refusalOf(settings: HostSettings): ConfigFault | undefined {
  const { name, evaluated: { undecided } } = settings;
  const [first] = undecided;
  if (first !== undefined) {
    return refused(
      name,
      first.what,
      first.place,
      "cannot be decided here",
      "Write the lines for this host in a block with Host, before that one, and end that block's use for it " +
        "with !pattern; or set SSH_CONFIG to another file",
    );
  }
  for (const { keyword, name: shown, why, remedy } of REFUSED) {
    const found = settings.unlessNone(keyword);
    if (found !== undefined) return refused(name, shown, found.place, why, remedy);
  }
  const local = settings.unlessNone("localcommand");
  if (local !== undefined && settings.isOn("permitlocalcommand")) {
    return refused(
      name,
      "LocalCommand",
      local.place,
      "runs a program",
      "Set PermitLocalCommand no for this host",
    );
  }
  const canonical = settings.text("canonicalizehostname");
  return canonical === undefined || canonical.value === "false" ? undefined : refused(
    name,
    "CanonicalizeHostname",
    canonical.place,
    "asks the DNS for the name",
    "Write the complete name in HOST, and set CanonicalizeHostname no for it",
  );
}

const refused = (
  host: string,
  what: string,
  place: Place | undefined,
  why: string,
  remedy: string,
) =>
  new ConfigFault(
    `${host} cannot be used: ${what}${
      place === undefined ? "" : ` (${formatPlace(place)})`
    } ${why}, and this server may not`,
    remedy,
  );

// @ts-types="@types/ssh2"
import type { Algorithms } from "ssh2";
import type { AlgorithmsConfig } from "../../../config/config.ts";
import { entriesFor, type KnownHostEntry, knownHostsName } from "../trust/known_hosts.ts";
import { CERTIFICATE_ALGORITHMS } from "./host_certificates.ts";

/** Returns the lists for ssh2. chacha20-poly1305 is first because it is the fastest cipher of ssh2 on Deno (about 1.5 × AES-GCM). */
export function algorithms(
  hostKeyTypes: readonly string[],
  chosen: AlgorithmsConfig = {},
): Algorithms {
  const cipher = [
    "chacha20-poly1305@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
  ];
  // The types come from known_hosts.ts, which only knows names that ssh2 also has.
  const serverHostKey = hostKeyTypes.length === 0 ? {} : { serverHostKey: [...hostKeyTypes] };
  // Deno cannot compute it ("invalid curve"), and a server may prefer it.
  const kex = { remove: ["ecdh-sha2-nistp521"], append: [], prepend: [] };
  const { serverHostKey: all = [], ...others } = chosen;
  const allowed = all.filter((name) => !CERTIFICATE_ALGORITHMS.includes(name));
  const hostKeys = allowed.length > 0 && {
    serverHostKey: [
      ...new Set([...hostKeyTypes.filter((name) => allowed.includes(name)), ...allowed]),
    ],
  };
  // The names of the SSH configuration are those of ssh2 too.
  return { cipher, kex, ...serverHostKey, ...others, ...hostKeys } as Algorithms;
}

/** The algorithms of host certificates to offer. */
export interface CertificateOffer {
  readonly names: readonly string[];
  /** HostKeyAlgorithms has no others. */
  readonly onlyThese: boolean;
}

/** Returns those that HostKeyAlgorithms allows; none if no `@cert-authority` line names the host. */
export function certificateOffer(
  entries: readonly KnownHostEntry[],
  { host, port }: { readonly host: string; readonly port: number },
  chosen: readonly string[] | undefined,
): CertificateOffer {
  const allowed = (chosen ?? CERTIFICATE_ALGORITHMS).filter((name) =>
    CERTIFICATE_ALGORITHMS.includes(name)
  );
  const onlyThese = allowed.length === chosen?.length;
  const hasAuthority = [knownHostsName(host, port), knownHostsName(host, 22)].some((name) =>
    entriesFor(entries, name).some(({ kind }) => kind === "authority")
  );
  return { names: onlyThese || hasAuthority ? allowed : [], onlyThese };
}
